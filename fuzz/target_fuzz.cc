// target_fuzz.cc: whatever request target comes in, the path that goes out stays below the root.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/host.h"
#include "http/target.h"
#include "http/utf8.h"

namespace {

// A broken invariant ends the process, which is how a fuzzer learns of it.
void require(bool holds) {
    if (!holds) std::abort();
}

void check_segments(std::string_view path) {
    require(path.starts_with('/'));
    path.remove_prefix(1);
    while (!path.empty()) {
        auto end = path.find('/');
        auto segment = path.substr(0, end);
        require(sluice::http::is_servable_name(
            segment));  // not empty, no dots, no control bytes, UTF-8
        path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    }
}

void check_bytes(std::string_view path) {
    require(path.find("/../") == std::string_view::npos && !path.ends_with("/.."));
    require(path.find('\\') == std::string_view::npos);
    require(path.find("//") == std::string_view::npos);
    for (char letter : path)
        require(!sluice::http::is_control(letter));
}

void check_encoding(const std::string& path) {
    auto encoded = sluice::http::encode_path(path);
    for (char letter : encoded)
        require(letter > 0x20 && letter < 0x7F);
    auto again = sluice::http::parse_target(encoded);
    require(again && again->path == path && again->query.empty() && again->authority.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view raw(reinterpret_cast<const char*>(data), size);
    auto target = sluice::http::parse_target(raw);
    if (!target) {
        require(target.error() == 400);
        return 0;
    }
    for (char letter : target->query)
        require(letter > 0x20 && letter < 0x7F);
    require(target->authority.empty() || sluice::http::parse_host(target->authority));
    if (target->path == "*") {
        require(raw == "*");
        return 0;
    }
    check_segments(target->path);
    check_bytes(target->path);
    check_encoding(target->path);
    return 0;
}
