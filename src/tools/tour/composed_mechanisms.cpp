#include <array>

#include "tools/tour/composed_links.hpp"
#include "tools/tour/gathering_link.hpp"
#include "tools/tour/mechanism_rows.hpp"
#include "tools/tour/mechanisms.hpp"
#include "tools/tour/request_link.hpp"

namespace sluice::tour {

namespace {

constexpr std::array table{
    one_way<address_link>("ring-by-address", "a ring that both sides open by an address"),
    one_way<listener_link>("ring-listener", "rings that a listener hands over to who connects"),
    one_way<relay_link>("relay", "a ring, and a relay that passes on into a FIFO",
                        "does not count what the relay itself uses"),
    many_to_one<gathering_link, 3>(
        "selector-3", "a pipe, a Unix stream and a ring into one that waits for them all"),
    two_way<request_link>("request-reply",
                          "requests over a ring queue, replies over a ring of the client's own"),
};

}  // namespace

std::span<const mechanism> composed_mechanisms() noexcept { return table; }

}  // namespace sluice::tour
