// arguments.h: the --key=value words of a benchmark program that are not Google Benchmark's.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

namespace bench {

class arguments {
  public:
    // Lets Google Benchmark take what is its own, and keeps the rest.
    arguments(int count, char** words) {
        benchmark::Initialize(&count, words);
        for (int i = 1; i < count; ++i) {
            const std::string_view word = words[i];
            const auto equals = word.find('=');
            if (!word.starts_with("--") || equals == std::string_view::npos) {
                std::fprintf(stderr, "%s: not understood: %s\n", words[0], words[i]);
                std::exit(2);
            }
            values_[std::string(word.substr(2, equals - 2))] = word.substr(equals + 1);
        }
    }

    [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise) const {
        const auto found = values_.find(key);
        return found == values_.end() ? otherwise : found->second;
    }
    [[nodiscard]] std::uint64_t number(const std::string& key, std::uint64_t otherwise) const {
        const auto found = values_.find(key);
        return found == values_.end() ? otherwise
                                      : std::strtoull(found->second.c_str(), nullptr, 10);
    }

  private:
    std::map<std::string, std::string> values_;
};

}  // namespace bench
