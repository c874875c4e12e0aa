#pragma once
// Which suite gets which channel.

#include <gtest/gtest.h>

#include <sluice/base/channel_traits.hpp>
#include <type_traits>

#include "support/between.hpp"

namespace sluice::test {

// Lists put together.
template <class... Lists>
struct joined;
template <class... Types>
struct joined<::testing::Types<Types...>> {
  using types = ::testing::Types<Types...>;
};
template <class... Some, class... More, class... Lists>
struct joined<::testing::Types<Some...>, ::testing::Types<More...>, Lists...>
    : joined<::testing::Types<Some..., More...>, Lists...> {};

template <class Link>
constexpr const channel_capabilities& traits_of() noexcept {
  return channel_traits<typename decltype(Link::sender)::value_type>;
}

template <bool Condition, class... Types>
using only_if = std::conditional_t<Condition, ::testing::Types<Types...>, ::testing::Types<>>;

// Each suite gets the links whose traits promise what it asks for.
template <class... Links>
struct channels {
  using links = ::testing::Types<Links...>;
  template <class Peer>
  using with = ::testing::Types<between<Links, Peer>...>;
  template <class Peer>
  using many_senders =
      typename joined<only_if<traits_of<Links>().many_senders, between<Links, Peer>>...>::types;
  template <class Peer>
  using many_receivers =
      typename joined<only_if<traits_of<Links>().many_receivers, between<Links, Peer>>...>::types;
  using lasting = typename joined<only_if<traits_of<Links>().survives_processes, Links>...>::types;
};

}  // namespace sluice::test
