// mapped_region.h: a range of a file mapped into memory.
//
//      file      ┌──────────────┬────────────────────────┬─────────┐
//                │              │   position .. + size   │         │
//                └──────────────┴────────────────────────┴─────────┘
//                                ▲                      ▲
//      memory               handle, slices ──▶ one mapping, counted; unmapped at once when the
//                                              last of them goes
//
// No copy: the bytes are the pages of the page cache. The range may begin anywhere, need not end
// at a page, and may be longer than 4 GiB. All positions below are bytes from the start of the
// region.
//
// Faults. A page of a mapping may turn out to be gone when it is touched: somebody has cut the
// file, or the device fails. The kernel then sends SIGBUS, which ends the process. With sluice the
// access goes on and reads zeros (a store is lost), the mapping remembers which bytes were lost,
// and who asks is told: read_at, write_at, guarded, check, flush and mapping_fault_of give an
// error for every range that overlaps them, and none for others. ENODATA: the file has been cut;
// all behind its end is lost. EIO: the page could not be read, or not be given space on the disk.
// Eight such places are kept apart; of what is lost behind that, all from the first to the last is
// taken for lost. That lasts until refresh(). Only the thread that touches such a page is ever
// interrupted, and the process lives on, whether the access was checked or not. Handing such bytes
// to a system call gives EFAULT there until somebody has touched them, and zeros afterwards: check
// after the call.
//
// The first mapping installs a SIGBUS handler, which passes signals that are not about a mapping
// of sluice on to the handler that was there before. A program that sets a handler later must do
// the same. No thread that touches mapped bytes may block SIGBUS (pthread_sigmask(3)): the kernel
// ends the process then at such an access, whatever the handler. sigfillset(3) has it too.
//
// Threads: copies of a handle share one mapping and may be used by different threads; one handle
// object is for one thread at a time. Stores and loads of mapped bytes are synchronised by the
// program, as for all memory.
//
// Sources: mmap(2), mremap(2), madvise(2), msync(2), mincore(2), mlock(2).
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include <sluice/buffer_slice.h>
#include <sluice/bytes.h>
#include <sluice/file_region.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

class [[gnu::visibility("hidden")]] mapping_storage;

// Who may store into a mapping, and where a store goes.
enum class mapping_mode : std::uint8_t {
    read_only,
    read_write,    // into the file; it must be open for reading and writing
    copy_on_write  // into memory of this mapping alone; the file does not change
};

// How the bytes will be used (madvise(2)). Advice: the kernel may do nothing about it.
enum class mapping_advice : std::uint8_t {
    normal,
    sequential,  // reads ahead further, and may drop pages behind
    random,      // reads no more than what is touched
    will_need,   // starts reading now
    dont_need    // drops the pages here; from copy_on_write also what was stored into them
};

struct mapping_options {
    mapping_mode mode = mapping_mode::read_only;
    mapping_advice advice = mapping_advice::normal;
    // read_write: gives the whole range space on the disk before it is mapped, and so makes the
    // file longer when it ends within the range. A full disk is ENOSPC then and never a fault.
    bool extend = false;
    // Has the pages in memory and in the page table before map() returns: for writing when the mode
    // is read_write, else for reading.
    bool populate = false;
    // Asks for huge pages; see huge_pages().
    bool huge_pages = false;
    // Keeps the pages in memory (mlock(2)); more than RLIMIT_MEMLOCK is an error.
    bool lock = false;
};

// Whether a call waits for what it brings about.
enum class completion : std::uint8_t { start, wait };

// What was lost of a mapping: `reason` is ENODATA or EIO, `position` the place in the file of the
// first lost byte.
struct mapping_fault {
    int reason = 0;
    std::uint64_t position = 0;
};

class mapped_region {
  public:
    // A region of no bytes.
    mapped_region() noexcept = default;
    mapped_region(const mapped_region& other) noexcept;
    mapped_region(mapped_region&& other) noexcept;
    mapped_region& operator=(mapped_region other) noexcept;
    ~mapped_region();

    // Maps `range`. Must lie within the file (else ENODATA) unless `extend` makes the file longer.
    // An empty range maps nothing and works. One to five system calls; no page is read unless
    // `populate` or `lock` says so. Keeps the file open.
    [[nodiscard]] static result<mapped_region> map(const file_region& range,
                                                   const mapping_options& options = {});

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] mapping_mode mode() const noexcept;
    // The range of the file. The region must not be a default-constructed one.
    [[nodiscard]] file_region source() const noexcept;

    // The bytes, borrowed: valid as long as a handle or a slice of this mapping lives.
    [[nodiscard]] bytes_view bytes() const noexcept {
        return {data_, static_cast<std::size_t>(size_)};
    }
    // The same for storing. The mode must be read_write or copy_on_write.
    [[nodiscard]] writable_bytes writable() const noexcept;
    // `count` bytes from `from` on, which must lie within the region, as a slice that keeps the
    // mapping. O(1), no allocation. Not immutable in the strict sense: stores into the file show.
    [[nodiscard]] buffer_slice slice(std::uint64_t from, std::uint64_t count) const noexcept;
    [[nodiscard]] buffer_slice whole() const noexcept { return slice(0, size_); }

    // Checked access: copies as many bytes as there are from `from` on, as file::read_at does, and
    // returns how many. Bytes that were lost are an error. One copy and one fstat(2).
    [[nodiscard]] result<std::size_t> read_at(std::uint64_t from, writable_bytes to) const;
    // Checked store of all of `bytes`, which must fit (else EINVAL); EACCES when the mode is
    // read_only. An error when a part of the range is lost: the store is then lost as well, as far
    // as it overlaps. One copy and one fstat(2).
    [[nodiscard]] result<void> write_at(std::uint64_t from, bytes_view bytes) const;
    // To be called after an access of any kind to a range: the error when bytes of it are lost, or
    // when the file now ends in front of the range's end (behind the end of a file its last page
    // reads as zeros, without a fault). One fstat(2).
    [[nodiscard]] result<void> check(std::uint64_t from, std::uint64_t count) const;
    // What has been lost of a range so far, as seen without a system call: unlike check() it does
    // not see an end of the file within the range's last page that nobody has touched behind.
    [[nodiscard]] std::optional<mapping_fault> fault_in(std::uint64_t from,
                                                        std::uint64_t count) const noexcept;
    // Calls `access(bytes_view)` with the range, then checks it. The result is what `access`
    // returned, or the error; what `access` did before it met lost bytes is not undone.
    template <typename Access>
    [[nodiscard]] auto guarded(std::uint64_t from, std::uint64_t count, Access&& access) const
        -> result<std::invoke_result_t<Access&, bytes_view>>;
    // Maps the file's pages again where bytes were lost, and forgets the loss. The file must be
    // long enough again (else ENODATA). Stores that were lost stay lost; for copy_on_write, with
    // more than eight lost places, so do stores between those that are not kept apart. No thread
    // may be in an access to the lost range meanwhile; what others lose elsewhere meanwhile stays
    // lost. After an error what was not mapped again does.
    [[nodiscard]] result<void> refresh() const;

    // Moves what was stored to the disk. `wait`: msync(2) MS_SYNC, which returns when data and the
    // metadata needed to read it are there. `start`: begins writing and does not wait for it
    // (sync_file_range(2), since MS_ASYNC does nothing on Linux); promises nothing about a crash.
    // An error when stores in the range were lost. The mode must not be copy_on_write (EINVAL).
    [[nodiscard]] result<void> flush(std::uint64_t from, std::uint64_t count,
                                     completion until = completion::wait) const;
    // Reads the range into memory: `start` only begins (MADV_WILLNEED), `wait` has the pages in
    // the page table on return (MADV_POPULATE_READ; before Linux 5.14 as `start`).
    [[nodiscard]] result<void> prefetch(std::uint64_t from, std::uint64_t count,
                                        completion until = completion::start) const;
    // Makes the pages writable before they are stored into, so that no store takes a page fault
    // (MADV_POPULATE_WRITE; EINVAL before Linux 5.14). ENOSPC and the like show here. The mode must
    // not be read_only (EACCES). For copy_on_write this copies every page.
    [[nodiscard]] result<void> populate_for_writing(std::uint64_t from, std::uint64_t count) const;
    // How many bytes of the range are in memory (mincore(2)). The kernel tells that only to those
    // who own the file or may write to it; to others everything is.
    [[nodiscard]] result<std::uint64_t> resident(std::uint64_t from, std::uint64_t count) const;
    // Keeps the range's pages in memory, or no longer. Locks do not nest.
    [[nodiscard]] result<void> lock(std::uint64_t from, std::uint64_t count) const;
    [[nodiscard]] result<void> unlock(std::uint64_t from, std::uint64_t count) const;
    [[nodiscard]] result<void> advise(mapping_advice advice, std::uint64_t from,
                                      std::uint64_t count) const;
    // Asks for huge pages (MADV_HUGEPAGE). True when the kernel took the advice: the pages are huge
    // then where the file system has huge pages for files and the alignment fits, which only
    // /proc/self/smaps tells. False when it has no transparent huge pages.
    [[nodiscard]] result<bool> huge_pages() const;

    // Makes the region longer, as map() of the longer range with the same options would. In place
    // when the address space behind is free. Otherwise this handle gets a new mapping, and the old
    // one lives until its slices and other handles go: nothing that was handed out moves or becomes
    // invalid, and both show the same pages of the file. So it is as well when bytes were lost: the
    // new mapping has lost nothing. A copy_on_write mapping, whose stores are nowhere else, is
    // moved. That cannot be (EBUSY) while slices or other handles of it were ever given out, nor
    // when lock(), advise() or refresh() for a part have made several mappings of it to the kernel;
    // and when bytes were lost the error says so. A size below size() is EINVAL. After an error
    // the region is as long as before; one of copy_on_write may have moved.
    [[nodiscard]] result<void> grow(std::uint64_t size);

  private:
    mapped_region(mapping_storage* mapping, std::byte* data, const file_region& range) noexcept
        : mapping_(mapping), data_(data), position_(range.position()), size_(range.size()) {}
    friend result<buffer_slice> map_for_reading(const file_region& region);

    [[nodiscard]] static result<mapped_region> map_unchecked(const file_region& range,
                                                             const mapping_options& options);
    [[nodiscard]] bytes_view range_of(std::uint64_t from, std::uint64_t count) const noexcept;
    [[nodiscard]] bytes_view pages_of(std::uint64_t from, std::uint64_t count) const noexcept;
    [[nodiscard]] result<void> on_pages(std::uint64_t from, std::uint64_t count,
                                        result<void> (*call)(bytes_view)) const;
    [[nodiscard]] std::unexpected<error> refused(int reason, std::string_view operation) const;

    mapping_storage* mapping_ = nullptr;
    std::byte* data_ = nullptr;
    std::uint64_t position_ = 0;  // in the file
    std::uint64_t size_ = 0;
};

// Maps `region` for reading and gives its bytes as a slice: the short form of
// mapped_region::map(region)->whole(), but that it does not look at the file's size; bytes behind
// the end of the file are lost bytes. The mapping goes when the last slice of it goes.
[[nodiscard]] result<buffer_slice> map_for_reading(const file_region& region);

// For code that holds only a slice or a view: what has been lost of these bytes, if they are
// mapped ones. To be called after the access, while they are still held. A load and a branch as
// long as no fault was ever taken in the process; then a walk over all mappings.
[[nodiscard]] std::optional<mapping_fault> mapping_fault_of(bytes_view bytes) noexcept;

// How many faults were taken since the process started.
[[nodiscard]] std::uint64_t mapping_faults_taken() noexcept;

template <typename Access>
auto mapped_region::guarded(std::uint64_t from, std::uint64_t count, Access&& access) const
    -> result<std::invoke_result_t<Access&, bytes_view>> {
    assert(from <= size_ && count <= size_ - from);
    auto range = bytes().subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(count));
    if constexpr (std::is_void_v<std::invoke_result_t<Access&, bytes_view>>) {
        access(range);
        return check(from, count);
    } else {
        auto value = access(range);
        if (auto checked = check(from, count); !checked) return failure(std::move(checked));
        return value;
    }
}

}  // namespace sluice::inline v0

#pragma GCC visibility pop
