#include <sluice/result.h>

namespace sluice::inline v0 {

std::string error::message() const {
    std::string text(operation_);
    if (!object_.empty()) text.append(" ").append(object_);
    text.append(": ").append(code_.message());
    if (bytes_done_ > 0)
        text.append(", after ").append(std::to_string(bytes_done_)).append(" bytes");
    return text;
}

}  // namespace sluice::inline v0
