#include "http/path_pattern.h"

#include <algorithm>

namespace sluice::http {

path_pattern::path_pattern(std::string_view text)
    : last_segment_only_(text.find('/') == std::string_view::npos) {
    std::string anchored(text);
    if (!last_segment_only_ && !anchored.starts_with('/')) anchored.insert(0, 1, '/');
    auto first_wildcard = std::min(anchored.find_first_of("*?"), anchored.size());
    prefix_ = anchored.substr(0, first_wildcard);
    compile(std::string_view(anchored).substr(first_wildcard));
}

void path_pattern::compile(std::string_view wild) {
    bool at_segment_start = prefix_.empty() || prefix_.ends_with('/');
    while (!wild.empty()) {
        std::size_t used = 1;
        if (wild.starts_with("**/") && at_segment_start) {
            steps_.push_back({token::skip_or_enter, 0});
            steps_.push_back({token::anything, 0});
            steps_.push_back({token::literal, '/'});
            used = 3;
        } else if (wild.starts_with("**")) {
            steps_.push_back({token::anything, 0});
            used = 2;
        } else if (wild.starts_with('*')) {
            steps_.push_back({token::segment_part, 0});
        } else if (wild.starts_with('?')) {
            steps_.push_back({token::one_character, 0});
            steps_.push_back({token::continuation, 0});
        } else {
            steps_.push_back({token::literal, wild[0]});
        }
        at_segment_start = wild[used - 1] == '/';
        wild.remove_prefix(used);
    }
}

bool path_pattern::matches(std::string_view path) const {
    if (last_segment_only_) path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
    if (!path.starts_with(prefix_)) return false;
    return matches_steps(path.substr(prefix_.size()));
}

bool path_pattern::repeats(step candidate, char letter) noexcept {
    switch (candidate.kind) {
        case token::anything:
            return true;
        case token::segment_part:
            return letter != '/';
        case token::continuation:
            return (static_cast<unsigned char>(letter) & 0xC0) == 0x80;
        default:
            return false;
    }
}

bool path_pattern::consumes(step candidate, char letter) noexcept {
    if (candidate.kind == token::literal) return letter == candidate.literal;
    return candidate.kind == token::one_character && letter != '/' &&
           (static_cast<unsigned char>(letter) & 0xC0) != 0x80;
}

// The steps that may be next without a byte in between.
void path_pattern::follow_without_input(std::vector<bool>& active) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        if (!active[i]) continue;
        auto kind = steps_[i].kind;
        if (kind != token::literal && kind != token::one_character) active[i + 1] = true;
        if (kind == token::skip_or_enter) active[i + 3] = true;
    }
}

// Moves every active step over one byte; false when none is left.
bool path_pattern::feed(std::vector<bool>& active, char letter) const {
    bool any = false;
    // Downwards, since a step's next state comes from the one before it, which must still be the
    // old one.
    for (std::size_t i = steps_.size() + 1; i-- > 0;) {
        bool stays = i < steps_.size() && active[i] && repeats(steps_[i], letter);
        bool arrives = i > 0 && active[i - 1] && consumes(steps_[i - 1], letter);
        active[i] = stays || arrives;
        any = any || active[i];
    }
    return any;
}

// Runs all ways through the pattern at once, so that no path can make it try them one after the
// other.
bool path_pattern::matches_steps(std::string_view text) const {
    if (steps_.empty()) return text.empty();
    std::vector<bool> active(steps_.size() + 1, false);
    active[0] = true;
    follow_without_input(active);
    for (char letter : text) {
        if (!feed(active, letter)) return false;
        follow_without_input(active);
    }
    return active[steps_.size()];
}

}  // namespace sluice::http
