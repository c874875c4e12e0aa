#pragma once
// One type for all senders of messages, and one for all receivers: what an address leads to
// (endpoint.hpp), or any end that is put in. No virtual functions, no registry: the kinds that
// there are stand in a list, each end lies in the object itself, and one `switch` finds it.

#include <sluice/compose/any_receiver.hpp>
#include <sluice/compose/any_sender.hpp>
