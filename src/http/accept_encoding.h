// accept_encoding.h: which content coding a client gets (RFC 9110 section 12.5.3).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace sluice::http {

// In the order of the server's preference, the least first.
enum class coding : std::uint8_t { identity, gzip, zstd, br };

inline constexpr std::size_t coding_count = 4;

// The name in Content-Encoding, such as "br"; identity has none that is ever sent.
[[nodiscard]] std::string_view coding_name(coding value) noexcept;

// The codings in which a file exists. Identity is always one of them.
class coding_set {
  public:
    constexpr coding_set(std::initializer_list<coding> codings = {}) noexcept {
        for (auto value : codings)
            insert(value);
    }

    constexpr void insert(coding value) noexcept { bits_ |= bit(value); }
    [[nodiscard]] constexpr bool contains(coding value) const noexcept {
        return (bits_ & bit(value)) != 0;
    }

    [[nodiscard]] constexpr bool only_identity() const noexcept {
        return bits_ == bit(coding::identity);
    }

  private:
    static constexpr unsigned bit(coding value) noexcept {
        return 1U << static_cast<unsigned>(value);
    }

    unsigned bits_ = bit(coding::identity);
};

// What one Accept-Encoding field accepts. Small and copyable; keeps nothing of the field.
class accepted_codings {
  public:
    // Without a field, or with an empty one, identity alone is accepted: the RFC would let the
    // server send anything then, but clients that do not ask for a coding commonly cannot undo it.
    // Elements that cannot be read are passed over; of a coding named twice, the last counts.
    // x-gzip is gzip.
    explicit accepted_codings(std::optional<std::string_view> field) noexcept;

    // Thousandths, 0 (refused) to 1000. Identity that is neither named nor refused by `*;q=0`
    // counts 1: accepted, but anything that was asked for by name is better.
    [[nodiscard]] int weight(coding value) const noexcept {
        return weights_[static_cast<std::size_t>(value)];
    }

    // The one with the highest weight among those that exist; of several br, zstd, gzip, identity
    // in this order. Identity when all are refused, which the RFC prefers to an error.
    [[nodiscard]] coding best(coding_set existing) const noexcept;

  private:
    std::array<int, coding_count> weights_{};
};

}  // namespace sluice::http
