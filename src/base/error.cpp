#include <sluice/base/error.hpp>
#include <sluice/base/result.hpp>

namespace sluice {

namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "sluice"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::closed:
        return "the other side has ended and everything was received";
      case errc::corrupt:
        return "the data breaks its format";
      case errc::incompatible:
        return "the other side uses another version, layout or type";
      case errc::removed:
        return "the object was removed or replaced while in use";
      case errc::stalled:
        return "a living participant makes no progress";
    }
    return "unknown sluice error " + std::to_string(value);
  }
};

}  // namespace

const std::error_category& sluice_category() noexcept {
  static const category instance;
  return instance;
}

std::string error::message() const {
  std::string text = operation_;
  text += ": ";
  text += code_.message();
  if (*hint_ != '\0') {
    text += " (";
    text += hint_;
    text += ')';
  }
  return text;
}

void throw_system_error(const error& reason) {
  // what() of a system_error adds the code's own message at the end.
  std::string text = reason.operation();
  if (*reason.hint() != '\0') {
    text += " (";
    text += reason.hint();
    text += ')';
  }
  throw std::system_error{reason.code(), text};
}

}  // namespace sluice
