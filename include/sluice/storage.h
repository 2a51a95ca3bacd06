// storage.h: what slices keep alive.
//
//     buffer_slice ──┐
//     buffer_slice ──┼──▶ storage: 3 owners ──▶ release(), when the last one drops it
//     mapped_region ─┘
//
// A count of owners and what to do when it reaches zero. Derive from it to lend foreign memory;
// buffer_slice::of_object() is the short way. The memory goes at once and in the thread that drops
// the last owner: nothing is left to a collector or to another thread.
//
// Threads: owners may come and go in any thread, unless the storage is bound to one: then share()
// must be called before the first owner reaches another thread. While the process has a single
// thread, or the storage is bound to one, counting is a load and a store; otherwise an atomic
// addition each, but for the last drop, which is plain always. (Counts that are biased towards one
// thread would be cheap in more cases, but drops elsewhere would wait until that thread looks:
// memory would come back late.)
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sys/single_threaded.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

class storage;

// Where the bytes of a storage come from.
enum class storage_kind : std::uint8_t { heap, pool, mapping, object };

namespace detail {
// Set while the leak ledger (leak_ledger.h) records. What follows are its hooks.
extern std::atomic<bool> leak_recording;
void leak_track(storage& made) noexcept;
void leak_track_foreign(storage* adopted) noexcept;  // heap and pool track theirs when they make it
void leak_forget(storage& ending) noexcept;
void leak_touch(const storage& used, std::string_view where) noexcept;
}  // namespace detail

// One owner to begin with: whoever made it.
class storage {
  public:
    explicit storage(storage_kind kind = storage_kind::object) noexcept : kind_(kind) {}
    storage(const storage&) = delete;
    storage& operator=(const storage&) = delete;

    // One more owner. Whoever calls it is one already.
    void retain() noexcept {
        // Not plainly for a sole owner either: two threads may copy from the same slice.
        if (counts_plainly()) {
            owners_.store(owners_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        } else {
            // Relaxed: the caller's own count keeps the storage from going away.
            owners_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    // One owner less; the last one releases the storage.
    void drop() noexcept {
        // The only owner ends it without an atomic addition: nobody else can have it counted.
        // Acquire, to see all that the owners before did.
        auto owners = owners_.load(std::memory_order_acquire);
        if (owners == 1) {
            end();
        } else if (counts_plainly()) {
            owners_.store(owners - 1, std::memory_order_relaxed);
        } else if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            // Release, so that this owner's reads happen before the storage goes; acquire for the
            // one that frees it, so that it sees all of them. (A fence would do for the latter, but
            // ThreadSanitizer does not know fences.)
            owners_.store(1, std::memory_order_relaxed);
            end();
        }
    }

    // Whether there is no owner but the caller.
    [[nodiscard]] bool has_one_owner() const noexcept {
        return owners_.load(std::memory_order_acquire) == 1;
    }
    // Lets other threads own it from now on. Call it before the first slice crosses to another
    // thread; only storages that are bound to a thread need it, others are not changed.
    void share() noexcept {
        // Written only where it was set: then this thread is the only one that looks.
        if (thread_bound_) thread_bound_ = false;
    }
    [[nodiscard]] bool is_thread_bound() const noexcept { return thread_bound_; }

    [[nodiscard]] storage_kind kind() const noexcept { return kind_; }
    // Bytes of memory that go when the storage does; 0 when the storage does not know.
    [[nodiscard]] virtual std::size_t capacity() const noexcept { return 0; }

    // For the leak ledger alone: whether release() has to be told to it.
    [[nodiscard]] bool is_tracked() const noexcept {
        return tracked_.load(std::memory_order_relaxed);
    }
    void set_tracked(bool tracked) noexcept { tracked_.store(tracked, std::memory_order_relaxed); }

  protected:
    virtual ~storage() = default;
    // Ends the storage: frees, unmaps, or gives back. Runs in the thread that drops the last owner;
    // must not throw. The count stands at one again.
    virtual void release() noexcept = 0;
    // Only the thread that holds its slices may count, and it counts without atomic operations,
    // until share() is called.
    void bind_to_thread() noexcept { thread_bound_ = true; }

  private:
    // Whether no other thread can count at the same time. The C library knows whether the process
    // has another thread; std::shared_ptr asks it, too.
    [[nodiscard]] bool counts_plainly() const noexcept {
        return thread_bound_ || __libc_single_threaded != 0;
    }
    void end() noexcept {
        if (is_tracked()) [[unlikely]]
            detail::leak_forget(*this);
        release();
    }

    std::atomic<std::uint64_t> owners_{1};
    storage_kind kind_;
    bool thread_bound_ = false;
    std::atomic<bool> tracked_{false};
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
