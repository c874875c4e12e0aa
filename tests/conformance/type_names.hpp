#pragma once
// How a typed suite is called: after the link that it tests.

#include <string>

namespace sluice::test {

class link_names {
 public:
  template <class T>
  static std::string GetName(int) {
    if constexpr (requires { T::name; })
      return T::name;
    else
      return T::link::name;
  }
};

}  // namespace sluice::test
