// result.h: how sluice says that something failed.
//
// Every call that can fail returns a result<T>: the value, or an error that names the operation,
// the object it was done to and the system's reason. Would-block, end of data and a cold page are
// outcomes and not errors; they are part of the value. A dropped result is a compiler warning.
//
// Nothing in the library throws across its border save std::bad_alloc, where bookkeeping (a list of
// pieces, a count of owners) gets no memory; then things are as they were. Calls that return a
// result give ENOMEM for payload memory.
#pragma once

#include <cerrno>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// What failed. Cheap to move; the object's name is copied into it, so it outlives the object.
class error {
  public:
    // `operation` must be a string with static storage, such as "open" or "sendfile".
    error(std::error_code code, std::string_view operation, std::string object = {})
        : code_(code), operation_(operation), object_(std::move(object)) {}

    [[nodiscard]] std::error_code code() const noexcept { return code_; }
    [[nodiscard]] std::string_view operation() const noexcept { return operation_; }
    [[nodiscard]] const std::string& object() const noexcept { return object_; }

    // True when the system's reason is this errno value.
    [[nodiscard]] bool is(int errno_value) const noexcept {
        return code_ == std::error_code(errno_value, std::system_category());
    }

    // The same error, naming the object: for callers that know its path when the callee had a
    // descriptor.
    [[nodiscard]] error on(std::string object) && {
        object_ = std::move(object);
        return std::move(*this);
    }

    // How many bytes the operation had moved before it failed: what a write of many steps has
    // written, so that an error does not hide partial progress. 0 where nothing moves.
    [[nodiscard]] std::uint64_t bytes_done() const noexcept { return bytes_done_; }
    // The same error, saying that `bytes` had been moved before.
    [[nodiscard]] error after(std::uint64_t bytes) && {
        bytes_done_ = bytes;
        return std::move(*this);
    }

    // One line for a person: "open /srv/www/a.html: Permission denied", or "pwritev /srv/a.log: No
    // space left on device, after 4096 bytes".
    [[nodiscard]] std::string message() const;

  private:
    std::error_code code_;
    std::string_view operation_;
    std::string object_;
    std::uint64_t bytes_done_ = 0;
};

// A value or an error. A [[nodiscard]] std::expected: a result that is dropped is a warning.
template <typename T>
class [[nodiscard]] result : public std::expected<T, error> {
  public:
    using std::expected<T, error>::expected;
};

// The failed result for an errno value.
[[nodiscard]] inline std::unexpected<error> failure(int errno_value, std::string_view operation,
                                                    std::string object = {}) {
    return std::unexpected(
        error(std::error_code(errno_value, std::system_category()), operation, std::move(object)));
}

// The failed result that passes another result's error on. (Hidden: each library that uses it has
// its own, for types of its own.)
template <typename T>
[[nodiscard, gnu::visibility("hidden")]] std::unexpected<error> failure(result<T>&& failed) {
    return std::unexpected(std::move(failed).error());
}

}  // namespace sluice::inline v0

#pragma GCC visibility pop
