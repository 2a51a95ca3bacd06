// path_pattern.h: globs over paths, as rules in the configuration use them.
//
//  - `*` stands for any characters of one segment, also none.
//  - `**` stands for any characters, slashes too; as a whole segment (`/**/`) also for no segment
//  at all.
//  - `?` stands for one character (a code point) but a slash.
//  - A pattern without a slash is compared with the last segment of the path, wherever that is.
//  - A pattern with one is compared with the whole path, and begins at the root even if its first
//  slash
//    is left out.
//
// Everything else stands for itself, and case counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

// Immutable; any number of threads may match.
class path_pattern {
  public:
    explicit path_pattern(std::string_view text);

    // The path is a decoded one that begins with a slash. Time is at most path size times pattern
    // size, whatever both are; a path that differs before the first wildcard costs one comparison.
    [[nodiscard]] bool matches(std::string_view path) const;

  private:
    enum class token : std::uint8_t {
        literal,        // the one byte beside it
        one_character,  // the first byte of any code point
        continuation,   // any number of further bytes of a code point
        segment_part,   // any number of bytes without a slash
        anything,       // any number of bytes
        skip_or_enter,  // nothing: goes on behind the next two tokens, or with them
    };
    struct step {
        token kind;
        char literal;
    };

    void compile(std::string_view wild);
    [[nodiscard]] bool matches_steps(std::string_view text) const;
    static bool repeats(step candidate, char letter) noexcept;
    static bool consumes(step candidate, char letter) noexcept;
    void follow_without_input(std::vector<bool>& active) const;
    bool feed(std::vector<bool>& active, char letter) const;

    bool last_segment_only_;
    std::string prefix_;       // what stands in front of the first wildcard
    std::vector<step> steps_;  // the rest
};

}  // namespace sluice::http
