#include "http/accept_encoding.h"

#include "http/field_text.h"

namespace sluice::http {

namespace {

constexpr std::array<std::string_view, coding_count> names = {"identity", "gzip", "zstd", "br"};

std::optional<coding> coding_of(std::string_view name) noexcept {
    if (equal_ignoring_case(name, "x-gzip")) return coding::gzip;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (equal_ignoring_case(name, names[i])) return static_cast<coding>(i);
    }
    return std::nullopt;
}

// qvalue = "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3"0" ], in thousandths.
std::optional<int> read_qvalue(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    if (text.size() > 1 && text[1] != '.') return std::nullopt;
    int thousandths = (text[0] - '0') * 1000;
    int place = 100;
    for (char digit : text.substr(text.size() > 1 ? 2 : 1)) {
        if (!is_digit(digit)) return std::nullopt;
        thousandths += (digit - '0') * place;
        place /= 10;
    }
    if (thousandths > 1000) return std::nullopt;
    return thousandths;
}

// The weight that an element's parameters give; a weight is the only one there is.
std::optional<int> read_weight(std::string_view parameters) noexcept {
    if (parameters.empty()) return 1000;
    if (parameters.size() < 2 || !equal_ignoring_case(parameters.substr(0, 2), "q="))
        return std::nullopt;
    return read_qvalue(parameters.substr(2));
}

}  // namespace

std::string_view coding_name(coding value) noexcept {
    return names[static_cast<std::size_t>(value)];
}

accepted_codings::accepted_codings(std::optional<std::string_view> field) noexcept {
    std::array<std::optional<int>, coding_count> named{};
    std::optional<int> others;
    auto rest = field.value_or(std::string_view());
    while (!rest.empty()) {
        auto parameters = take_element(rest, ',');
        auto name = take_element(parameters, ';');
        auto weight = read_weight(trim_white_space(parameters));
        if (!weight) continue;
        if (name == "*") {
            others = weight;
        } else if (auto value = coding_of(name)) {
            named[static_cast<std::size_t>(*value)] = weight;
        }
    }
    for (std::size_t i = 0; i < coding_count; ++i) {
        bool is_identity = static_cast<coding>(i) == coding::identity;
        weights_[i] = named[i].value_or(others.value_or(is_identity ? 1 : 0));
    }
}

coding accepted_codings::best(coding_set existing) const noexcept {
    auto chosen = coding::identity;
    for (std::size_t i = 0; i < coding_count; ++i) {
        auto value = static_cast<coding>(i);
        bool usable = existing.contains(value) && weight(value) > 0;
        if (usable && weight(value) >= weight(chosen)) chosen = value;
    }
    return chosen;
}

}  // namespace sluice::http
