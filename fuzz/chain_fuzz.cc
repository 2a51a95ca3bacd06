// chain_fuzz.cc: whatever is done to a chain, a plain text that the same is done to agrees.
//
// The input is numbers of two bytes each (little endian), which choose the operations, their
// positions and sizes, and what is looked at after each.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "chain/chain_oracle_testing.h"

namespace {

using sluice::file;
using sluice::unique_fd;
using sluice::testing_support::chain_oracle;

// A broken invariant ends the process, which is how a fuzzer learns of it.
void require(bool holds) {
    if (!holds) std::abort();
}

// What pieces show. Few different bytes, so that searches find beginnings that come to nothing.
std::string make_content() {
    std::string content(4000, '\0');
    std::uint32_t state = 1;
    for (auto& each : content) {
        state = state * 1664525 + 1013904223;
        each = static_cast<char>('a' + (state >> 24) % 3);
    }
    return content;
}

file make_source(const std::string& content) {
    unique_fd memory(::memfd_create("chain_fuzz", MFD_CLOEXEC));
    require(memory.get() >= 0);
    auto written = ::write(memory.get(), content.data(), content.size());
    require(written == static_cast<ssize_t>(content.size()));
    return file(std::move(memory), "chain_fuzz");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto content = make_content();
    static const auto source = make_source(content);
    chain_oracle oracle(source, content);
    std::size_t at = 0;
    auto next = [&]() -> std::uint64_t {
        if (size - at < 2) return at = size, 0;
        at += 2;
        return data[at - 2] | data[at - 1] << 8;
    };
    while (at < size) {
        oracle.step(next);
        require(oracle.disagreement(next).empty());
    }
    return 0;
}
