#include <sluice/result.h>

namespace sluice::inline v0 {

std::string error::message() const {
    std::string text(operation_);
    if (!object_.empty()) text.append(" ").append(object_);
    return text.append(": ").append(code_.message());
}

}  // namespace sluice::inline v0
