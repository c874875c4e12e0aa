#pragma once
// Messages over any stream of bytes: a header of eight bytes says how long each message is, and
// carries a check so that a stream that is out of step is noticed instead of believed. One writer
// per stream; many writers of one FIFO use channel/fifo_channel.hpp.

#include <sluice/compose/frame_header.hpp>
#include <sluice/compose/framed_receiver.hpp>
#include <sluice/compose/framed_sender.hpp>
