#include "file/mapped_region_storage.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <sys/mman.h>

#include "sys/mapping.h"

namespace sluice::inline v0 {

namespace {

std::size_t round_up(std::size_t size) noexcept {
    auto page = sys::page_size();
    return (size + page - 1) / page * page;
}

// Only the kernel's word that it does not know the advice; anything else is about the pages.
bool is_unknown(const result<void>& advised) {
    return !advised && advised.error().is(EINVAL);
}

result<void> populate(bytes_view pages, mapping_mode mode) {
    bool for_writing = mode == mapping_mode::read_write;
    auto populated = sys::advise(pages, for_writing ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
    return is_unknown(populated) ? sys::advise(pages, MADV_WILLNEED) : populated;
}

}  // namespace

int madvise_of(mapping_advice advice) noexcept {
    switch (advice) {
        case mapping_advice::sequential:
            return MADV_SEQUENTIAL;
        case mapping_advice::random:
            return MADV_RANDOM;
        case mapping_advice::will_need:
            return MADV_WILLNEED;
        case mapping_advice::dont_need:
            return MADV_DONTNEED;
        case mapping_advice::normal:
            break;
    }
    return MADV_NORMAL;
}

mapping_storage::mapping_storage(const file_region& range, const mapping_options& options) noexcept
    : storage(storage_kind::mapping),
      source_(range.source()),
      position_(range.position() - range.position() % sys::page_size()),
      options_(options) {}

result<mapping_storage*> mapping_storage::map(const file_region& range,
                                              const mapping_options& options) {
    struct dropper {
        void operator()(mapping_storage* made) const noexcept { made->drop(); }
    };
    std::unique_ptr<mapping_storage, dropper> made(new mapping_storage(range, options));
    if (range.size() == 0) return made.release();
    auto mapped =
        sys::map({.fd = range.fd(),
                  .position = made->position_,
                  .size = static_cast<std::size_t>(range.end_position() - made->position_),
                  .writable = options.mode != mapping_mode::read_only,
                  .shared = options.mode != mapping_mode::copy_on_write});
    if (!mapped) return failure(std::move(mapped));
    if (auto watched = made->own(*mapped); !watched) return failure(std::move(watched));
    if (auto applied = made->apply_options(made->pages()); !applied)
        return failure(std::move(applied));
    return made.release();
}

watched_range mapping_storage::watched(writable_bytes pages) const noexcept {
    return {.pages = pages,
            .fd = source_.fd(),
            .position = position_,
            .writable = options_.mode != mapping_mode::read_only};
}

result<void> mapping_storage::own(writable_bytes pages) {
    data_ = pages.data();
    size_ = pages.size();
    auto watch = mapping_watch::begin(watched(pages));
    if (!watch) return failure(std::move(watch));
    watch_ = *watch;
    return {};
}

result<void> mapping_storage::apply_options(bytes_view pages) const {
    if (pages.empty()) return {};
    if (options_.advice != mapping_advice::normal) {
        if (auto advised = sys::advise(pages, madvise_of(options_.advice)); !advised)
            return advised;
    }
    if (options_.huge_pages) {
        auto advised = sys::advise(pages, MADV_HUGEPAGE);
        if (!advised && !is_unknown(advised)) return advised;
    }
    if (options_.populate) {
        if (auto populated = populate(pages, options_.mode); !populated) return populated;
    }
    return options_.lock ? sys::lock_pages(pages) : result<void>();
}

void mapping_storage::release() noexcept {
    if (watch_ != nullptr) watch_->end();
    sys::unmap(pages());
    delete this;
}

result<bool> mapping_storage::grow_to(std::size_t size, bool anywhere) {
    std::scoped_lock lock(changing_);
    if (size <= size_) return true;
    // Where all was lost the kernel would lengthen the zeros that stand there, not the file.
    if (size_ == 0 || watch_->any_lost()) return false;
    return anywhere ? move_to(size) : extend_to(size);
}

result<bool> mapping_storage::extend_to(std::size_t size) {
    auto longer = sys::remap(pages(), size, false);
    if (!longer) return false;
    auto added = behind(*longer);
    if (watch_->any_lost()) {  // by now: those may have been lengthened after all
        sys::unmap(added);
        return false;
    }
    if (auto applied = apply_options(added); !applied) {
        sys::unmap(added);
        return failure(std::move(applied));
    }
    size_ = size;
    watch_->grow(size);
    return true;
}

result<bool> mapping_storage::move_to(std::size_t size) {
    // Names nothing meanwhile: the addresses may be another mapping's as soon as they are left.
    watch_->change({});
    auto moved = sys::remap(pages(), size, true);
    if (!moved) {
        watch_->change(watched(pages()));
        if (moved.error().is(EFAULT)) return false;  // not one mapping to the kernel
        return failure(std::move(moved));
    }
    auto added = behind(*moved);
    data_ = moved->data();
    auto applied = apply_options(added);
    if (applied) {
        size_ = size;
    } else {
        sys::unmap(added);
    }
    watch_->change(watched(pages()));
    if (!applied) return failure(std::move(applied));
    return true;
}

// The pages of `longer` that are not among those there are now.
bytes_view mapping_storage::behind(bytes_view longer) const noexcept {
    return longer.subspan(std::min(round_up(size_), longer.size()));
}

result<void> mapping_storage::refresh() {
    std::scoped_lock lock(changing_);
    if (watch_->cut_off().any()) {
        auto file_size = source_.size();
        if (!file_size) return failure(std::move(file_size));
        if (*file_size < position_ + size_) return failure(ENODATA, "remap");
    }
    for (auto* lost : {&watch_->cut_off(), &watch_->unreadable()}) {
        if (auto mapped = map_again(*lost); !mapped) return mapped;
    }
    return {};
}

result<void> mapping_storage::map_again(lost_bytes& lost) {
    result<void> done;
    // Taken out first: what other threads lose from now on is another loss, and stays.
    for (auto range : lost.take()) {
        if (done) done = map_again(range);
        if (!done) lost.add(range);
    }
    return done;
}

result<void> mapping_storage::map_again(byte_range lost) {
    // The page in which the file ended was never replaced.
    auto begin = round_up(lost.begin);
    auto end = std::min(lost.end, size_.load());
    if (lost.empty() || begin >= end) return {};
    auto mapped = sys::map({.fd = source_.fd(),
                            .position = position_ + begin,
                            .size = end - begin,
                            .writable = options_.mode != mapping_mode::read_only,
                            .shared = options_.mode != mapping_mode::copy_on_write,
                            .over = data_ + begin});
    if (!mapped) return failure(std::move(mapped));
    return apply_options(*mapped);
}

}  // namespace sluice::inline v0
