#pragma once
// Everything, in reading order.

#include <sluice/base/bytes.hpp>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/codec.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/error.hpp>
#include <sluice/base/name.hpp>
#include <sluice/base/result.hpp>
#include <sluice/base/retry.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/fifo.hpp>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/local_channel.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/frame_header.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/compose/typed.hpp>
#include <sluice/os/memory_map.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/pipe_end.hpp>
#include <sluice/os/process.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/unique_fd.hpp>
#include <sluice/primitive/event.hpp>
