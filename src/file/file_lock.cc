#include <utility>

#include <sluice/file_lock.h>

#include "sys/file_locks.h"

namespace sluice::inline v0 {

namespace {

sys::range_lock kind_of(lock_kind kind) {
    return kind == lock_kind::shared ? sys::range_lock::shared : sys::range_lock::exclusive;
}

}  // namespace

result<file_lock> file_lock::acquire(file target, lock_kind kind, lock_range range) {
    auto locked = sys::lock_range(target.fd(), kind_of(kind), range.position, range.size);
    if (!locked) return std::unexpected(std::move(locked).error().on(target.name()));
    return file_lock(std::move(target), range);
}

result<std::optional<file_lock>> file_lock::try_acquire(file target, lock_kind kind,
                                                        lock_range range) {
    auto locked = sys::try_lock_range(target.fd(), kind_of(kind), range.position, range.size);
    if (!locked) return std::unexpected(std::move(locked).error().on(target.name()));
    if (!*locked) return std::optional<file_lock>();
    return std::optional(file_lock(std::move(target), range));
}

file_lock::file_lock(file_lock&& other) noexcept
    : target_(std::exchange(other.target_, std::nullopt)), range_(other.range_) {}

file_lock& file_lock::operator=(file_lock&& other) noexcept {
    if (this != &other) {
        release();
        target_ = std::exchange(other.target_, std::nullopt);
        range_ = other.range_;
    }
    return *this;
}

file_lock::~file_lock() {
    release();
}

void file_lock::release() noexcept {
    if (!target_) return;
    // Cannot fail for a range that was locked on this descriptor.
    (void)sys::lock_range(target_->fd(), sys::range_lock::none, range_.position, range_.size);
    target_.reset();
}

}  // namespace sluice::inline v0
