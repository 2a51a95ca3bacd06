// chain_oracle_testing.h: a chain and a plain text that the same is done to.
//
// What is done is chosen by numbers: a test takes them from a generator with a fixed seed, a fuzzer
// from its input.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include <sluice/chain.h>
#include <sluice/chain_cursor.h>

namespace sluice::testing_support {

class chain_oracle {
  public:
    using numbers = std::function<std::uint64_t()>;

    // File pieces are regions of `source`, which holds `content`.
    chain_oracle(file source, std::string content)
        : source_(std::move(source)), content_(std::move(content)) {}

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const chain& pieces() const { return pieces_; }

    // Does one thing to both.
    void step(const numbers& next) {
        switch (next() % 14) {
            case 0:
                return append(next);
            case 1:
                return prepend(next);
            case 2:
                return append_chain(next);
            case 3:
                return prepend_chain(next);
            case 4:
                return insert(next);
            case 5:
                return insert_chain(next);
            case 6:
                return erase(next);
            case 7:
                return advance(next);
            case 8:
                return trim_back(next);
            case 9:
                return rotate(next);
            case 10:
                return slice(next);
            case 11:
                return move();
            case 12:
                return drop_all_but_head(next);
            default:
                return append(next);
        }
    }

    // The name of what does not agree; empty when all does.
    [[nodiscard]] std::string disagreement(const numbers& next) const {
        if (pieces_.size() != text_.size()) return "size";
        if (pieces_.empty() != text_.empty()) return "empty";
        if (!pieces_are_sound()) return "pieces";
        auto flat = pieces_.flatten();
        if (!flat || flat->text() != text_) return "flatten";
        if (!compares(next)) return "compare";
        if (!exports(next)) return "export_memory";
        if (!reads(next)) return "get_be or the cursor";
        if (!finds(next)) return "find";
        return {};
    }

  private:
    struct made {
        piece part;
        std::string text;
    };

    [[nodiscard]] made make_piece(const numbers& next) const {
        auto from = next() % content_.size();
        auto size = next() % std::min<std::uint64_t>(next() % 8 == 0 ? 600 : 9,  //
                                                     content_.size() - from);
        auto text = content_.substr(from, size);
        if (next() % 3 == 0) return {source_.region(from, size), text};
        return {buffer_slice::copy_of(as_bytes(text)), text};
    }
    [[nodiscard]] std::pair<chain, std::string> make_chain(const numbers& next) const {
        std::pair<chain, std::string> built;
        for (auto left = next() % 5; left > 0; --left) {
            auto [part, text] = make_piece(next);
            built.first.append(std::move(part));
            built.second += text;
        }
        if (!built.second.empty() && next() % 2 == 0) {
            built.first.advance(1);
            built.second.erase(0, 1);
        }
        return built;
    }
    // A position in the text or at its end, and a count of bytes behind a position.
    [[nodiscard]] std::size_t position(const numbers& next) const {
        return next() % (text_.size() + 1);
    }
    [[nodiscard]] std::size_t count(const numbers& next, std::size_t from) const {
        return next() % (text_.size() - from + 1);
    }

    void append(const numbers& next) {
        auto [part, text] = make_piece(next);
        pieces_.append(std::move(part));
        text_ += text;
    }
    void prepend(const numbers& next) {
        auto [part, text] = make_piece(next);
        pieces_.prepend(std::move(part));
        text_.insert(0, text);
    }
    void append_chain(const numbers& next) {
        auto [other, text] = make_chain(next);
        pieces_.append(std::move(other));
        text_ += text;
    }
    void prepend_chain(const numbers& next) {
        auto [other, text] = make_chain(next);
        pieces_.prepend(std::move(other));
        text_.insert(0, text);
    }
    void insert(const numbers& next) {
        auto [part, text] = make_piece(next);
        auto at = position(next);
        pieces_.insert(at, std::move(part));
        text_.insert(at, text);
    }
    void insert_chain(const numbers& next) {
        auto [other, text] = make_chain(next);
        auto at = position(next);
        pieces_.insert(at, std::move(other));
        text_.insert(at, text);
    }
    void erase(const numbers& next) {
        auto from = position(next);
        auto erased = count(next, from) % 40;
        pieces_.erase(from, erased);
        text_.erase(from, erased);
    }
    void advance(const numbers& next) {
        auto moved = count(next, 0) % 40;
        pieces_.advance(moved);
        text_.erase(0, moved);
    }
    void trim_back(const numbers& next) {
        auto dropped = count(next, 0) % 40;
        pieces_.trim_back(dropped);
        text_.erase(text_.size() - dropped);
    }
    void rotate(const numbers& next) {
        auto at = position(next);
        auto head = pieces_.split_at(at);
        pieces_.append(std::move(head));
        std::rotate(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at), text_.end());
    }
    void slice(const numbers& next) {
        auto from = position(next) % 20 % (text_.size() + 1);
        auto size = text_.size() - from - std::min<std::size_t>(next() % 20, text_.size() - from);
        pieces_ = pieces_.slice(from, size);
        text_ = text_.substr(from, size);
    }
    void move() {
        chain other(std::move(pieces_));
        pieces_.append(buffer_slice::of_static("dropped"));
        pieces_ = std::move(other);
    }
    void drop_all_but_head(const numbers& next) {
        if (text_.size() < 2000) return;
        auto kept = position(next) % 100;
        chain head = pieces_.split_at(kept);
        pieces_.swap(head);
        text_.resize(kept);
    }

    [[nodiscard]] bool pieces_are_sound() const {
        std::uint64_t at = 0;
        std::size_t index = 0;
        for (const auto& part : pieces_.pieces()) {
            if (part.empty()) return false;
            for (auto offset : {std::uint64_t{0}, part.size() / 2, part.size() - 1}) {
                auto found = pieces_.piece_at(at + offset);
                if (found.part != &part || found.index != index || found.offset != offset)
                    return false;
            }
            at += part.size();
            ++index;
        }
        return at == pieces_.size();
    }
    [[nodiscard]] bool compares(const numbers& next) const {
        auto from = position(next);
        auto size = count(next, from);
        auto part = pieces_.slice(from, size);
        auto part_text = text_.substr(from, size);
        auto same = part.equals(as_bytes(part_text));
        auto order = pieces_.compare(part);
        auto flat = pieces_.flatten(from, size);
        return same && *same && order && *order == (text_ <=> part_text) && flat &&
               flat->text() == part_text;
    }
    [[nodiscard]] bool exports(const numbers& next) const {
        auto from = position(next);
        auto size = count(next, from);
        std::array<iovec, 3> parts{};
        auto exported = pieces_.export_memory(from, size, parts);
        std::string seen;
        for (const auto& part : std::span(parts).first(exported.parts)) {
            if (part.iov_len == 0) return false;
            seen.append(static_cast<const char*>(part.iov_base), part.iov_len);
        }
        if (seen.size() != exported.bytes || seen != text_.substr(from, exported.bytes))
            return false;
        // It stops early at a file or when the parts are full, and for no other reason.
        bool stopped = exported.bytes < size && exported.parts < parts.size();
        return !stopped || pieces_.piece_at(from + exported.bytes).part->region() != nullptr;
    }
    [[nodiscard]] bool reads(const numbers& next) const {
        chain_cursor cursor(pieces_, position(next));
        for (int steps = 0; steps < 8; ++steps) {
            auto at = cursor.position();
            if (at + cursor.remaining() != text_.size()) return false;
            if (!read_agrees(cursor, static_cast<std::size_t>(at))) return false;
            if (next() % 2 == 0) cursor.seek(position(next));
        }
        return true;
    }
    [[nodiscard]] bool read_agrees(chain_cursor& cursor, std::size_t at) const {
        std::uint64_t wanted = 0;
        bool whole = text_.size() - at >= sizeof wanted;
        for (std::size_t i = 0; whole && i < sizeof wanted; ++i)
            wanted = wanted << 8 | static_cast<unsigned char>(text_[at + i]);
        auto number = whole ? std::optional(wanted) : std::nullopt;
        auto first = at < text_.size() ? std::optional(std::byte(text_[at])) : std::nullopt;
        return pieces_.get_be<std::uint64_t>(at) == number &&
               cursor.peek_be<std::uint64_t>() == number && cursor.next() == first &&
               cursor.position() == at + (first ? 1 : 0) &&
               cursor.read_be<std::uint64_t>().has_value() == (text_.size() >= at + 9);
    }
    [[nodiscard]] bool finds(const numbers& next) const {
        auto needle_at = position(next);
        auto needle = text_.substr(needle_at, next() % 30);
        auto from = position(next);
        chain_cursor cursor(pieces_, from);
        auto found = cursor.find(needle);
        auto wanted = text_.find(needle, from);
        bool agrees = wanted == std::string::npos ? !found : found == wanted;
        return agrees && cursor.position() == from;
    }

    file source_;
    std::string content_;
    chain pieces_;
    std::string text_;
};

}  // namespace sluice::testing_support
