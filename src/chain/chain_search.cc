// Searching a chain for bytes that may lie across the borders of pieces.
#include <cstring>
#include <vector>

#include <sluice/chain_cursor.h>

namespace sluice::inline v0 {

namespace {

// The algorithm of Knuth, Morris and Pratt: takes the text byte by byte, looks at none twice, and
// so needs no pieces that lie together. (Knuth, Morris, Pratt: Fast Pattern Matching in Strings,
// SIAM Journal on Computing 6(2), 1977.)
class border_matcher {
  public:
    explicit border_matcher(bytes_view needle) : needle_(needle) {
        // Before anything is read: an allocation that fails later would lose the file block.
        if (needle.size() > 1) prepare();
    }

    // How much of the needle the text ends with.
    [[nodiscard]] std::size_t matched() const noexcept { return matched_; }
    // True when the needle ends with this byte.
    bool take(std::byte next) {
        while (matched_ > 0 && needle_[matched_] != next)
            matched_ = fallback_[matched_ - 1];
        if (needle_[matched_] == next) ++matched_;
        return matched_ == needle_.size();
    }

  private:
    // For each start of the needle, the length of the longest shorter one that it ends with.
    void prepare() {
        fallback_.resize(needle_.size());
        for (std::size_t i = 1, length = 0; i < needle_.size(); ++i) {
            while (length > 0 && needle_[length] != needle_[i])
                length = fallback_[length - 1];
            if (needle_[length] == needle_[i]) ++length;
            fallback_[i] = length;
        }
    }

    bytes_view needle_;
    std::vector<std::size_t> fallback_;
    std::size_t matched_ = 0;
};

// Searches one run of bytes after another.
class run_search {
  public:
    explicit run_search(bytes_view needle) : needle_(needle), matcher_(needle) {}

    // How many bytes of `run` it takes to end the first occurrence, if one ends in it.
    std::optional<std::size_t> ends_in(bytes_view run) {
        std::size_t taken = 0;
        // What began in an earlier run ends here or comes to nothing.
        while (matcher_.matched() > 0 && taken < run.size()) {
            if (matcher_.take(run[taken++])) return taken;
        }
        if (run.size() - taken >= needle_.size()) {
            auto rest = run.subspan(taken);
            const auto* found = ::memmem(rest.data(), rest.size(), needle_.data(), needle_.size());
            if (found != nullptr)
                return static_cast<const std::byte*>(found) - run.data() + needle_.size();
            taken = run.size() - (needle_.size() - 1);
        }
        while (taken < run.size()) {
            if (matcher_.take(run[taken++])) return taken;
        }
        return std::nullopt;
    }

  private:
    bytes_view needle_;
    border_matcher matcher_;
};

}  // namespace

std::optional<std::uint64_t> chain_cursor::state::find(bytes_view wanted) {
    auto from = position();
    if (wanted.empty()) return from;
    std::optional<std::uint64_t> found;
    run_search search(wanted);
    while (!found) {
        if (at == end) refill();
        if (at == end) break;
        bytes_view run(at, end);
        if (auto last = search.ends_in(run)) found = position() + *last - wanted.size();
        at = end;
    }
    // The block of a file may be another one now.
    at = end;
    behind = from;
    return found;
}

}  // namespace sluice::inline v0
