#include "http/field_list.h"

#include <algorithm>

#include "http/field_text.h"

namespace sluice::http {

std::vector<field_list::field>::iterator field_list::find(std::string_view name) {
    return std::ranges::find_if(
        fields_, [&](const field& each) { return equal_ignoring_case(each.first, name); });
}

void field_list::set(std::string_view name, std::string_view value) {
    if (auto found = find(name); found != fields_.end()) {
        found->second = value;
    } else {
        fields_.emplace_back(name, value);
    }
}

void field_list::add_to(std::string_view name, std::string_view element) {
    if (auto found = find(name); found != fields_.end()) {
        found->second.append(", ").append(element);
    } else {
        fields_.emplace_back(name, element);
    }
}

std::string field_list::take(std::string_view name) {
    auto found = find(name);
    if (found == fields_.end()) return {};
    auto value = std::move(found->second);
    fields_.erase(found);
    return value;
}

void field_list::write_to(std::string& text) const {
    for (const auto& [name, value] : fields_)
        text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace sluice::http
