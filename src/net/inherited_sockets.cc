#include "net/inherited_sockets.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "sys/descriptors.h"

namespace sluice::net {

namespace {

constexpr int first_inherited = 3;  // SD_LISTEN_FDS_START

int number_in(const char* variable) {
    const char* text = std::getenv(variable);
    int number = 0;
    if (text != nullptr) std::from_chars(text, text + std::string_view(text).size(), number);
    return number;
}

std::vector<std::string> split_names(std::string_view names) {
    std::vector<std::string> split;
    while (!names.empty()) {
        auto colon = names.find(':');
        split.emplace_back(names.substr(0, colon));
        names = colon == std::string_view::npos ? std::string_view() : names.substr(colon + 1);
    }
    return split;
}

}  // namespace

std::vector<inherited_socket> take_inherited_sockets() {
    std::vector<inherited_socket> taken;
    int count = number_in("LISTEN_FDS");
    bool for_us = number_in("LISTEN_PID") == sys::process_id();
    const char* listed = std::getenv("LISTEN_FDNAMES");
    auto names = split_names(listed != nullptr ? listed : "");
    for (const auto* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
        ::unsetenv(variable);
    if (!for_us) return taken;
    for (int at = 0; at < count; ++at) {
        unique_fd socket(first_inherited + at);
        if (!sys::prepare_inherited(socket.get())) continue;
        auto index = static_cast<std::size_t>(at);
        taken.push_back({index < names.size() ? names[index] : "", std::move(socket)});
    }
    return taken;
}

}  // namespace sluice::net
