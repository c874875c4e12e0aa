// A program of somebody else's: puts a table into shared memory and finds it by its name.

#include <unistd.h>

#include <iostream>
#include <sluice/primitive/managed_segment.hpp>
#include <sluice/sluice.hpp>
#include <string>

using table = sluice::managed_segment::text_map<int>;

int main() {
  const std::string name = "package-" + std::to_string(::getpid());
  auto made = sluice::managed_segment::create(name, {.size_bytes = 65'536});
  if (!made) {
    std::cerr << made.error().message() << '\n';
    return 1;
  }
  auto* written = made->construct<table>("prices", made->allocator<table::value_type>()).value();
  written->emplace(sluice::managed_segment::string{"apple", made->allocator<char>()}, 3);

  auto opened = sluice::managed_segment::open(name).value();
  const auto* read = opened.find<table>("prices").value();
  const auto apple = read->find(std::string_view{"apple"});
  std::cout << (apple == read->end() ? 0 : apple->second) << '\n';
  return apple != read->end() && apple->second == 3 ? 0 : 1;
}
