// file.h: an open file.
//
//     file ──┐
//     file ──┼──▶ open file (descriptor, name) ──▶ closed when the last of them goes
//     region ┘
//
// A file is a shared handle: copies refer to the same open file, which is closed when the last copy
// and the last region of it go. All reading and writing is positional or at the end, and no call
// depends on the descriptor's own position, so threads may share one file; what two threads write
// to the same bytes at the same time comes in any order. const says nothing about the file, as it
// says nothing about what a pointer points to.
//
// Positions and sizes are bytes in 64 bits. Calls that move bytes finish: they go on after short
// counts and interruptions, and pass any number of parts, of any size, in batches that the kernel
// takes (1024 parts, 2 GiB less a page). An error names the operation and the file, and its
// bytes_done() tells how far the call got, from its start on without a gap.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <sluice/buffer_slice.h>
#include <sluice/bytes.h>
#include <sluice/result.h>
#include <sluice/unique_fd.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

class file_region;

// What a file is opened for.
enum class file_access : std::uint8_t { read, write, read_write };
// Whether opening may make the file. must_be_new fails with EEXIST when the name is taken, also by
// a symbolic link.
enum class file_creation : std::uint8_t { none, if_missing, must_be_new };

// How to open a file (open(2)). What is opened is not inherited by programs that are started.
struct open_options {
    file_access access = file_access::read;
    file_creation create = file_creation::none;
    // Cuts the file to size 0.
    bool truncate = false;
    // Every write goes to the end (O_APPEND). write_at is refused then, since Linux would append
    // and not heed the position.
    bool append = false;
    // Past the page cache (O_DIRECT): positions, sizes and memory must be aligned as
    // file::direct_alignment says.
    bool direct = false;
    // A file without a name in the directory that the path names (O_TMPFILE); it goes when it is
    // closed. EOPNOTSUPP where the file system cannot.
    bool temporary = false;
    // ELOOP when the last part of the path is a symbolic link.
    bool no_follow = false;
    // The permissions of a file that is made, less the process's umask.
    unsigned permissions = 0666;
};

// What sync brings to the disk: the bytes and what it takes to read them back, or also times and
// the like.
enum class sync_scope : std::uint8_t { data, all };
// sync_range: begin to write, or begin and wait until it is written.
enum class range_sync : std::uint8_t { start, wait };
// Whether preallocate leaves the size of the file as it is.
enum class file_size_is : std::uint8_t { grown, kept };
// What the program is going to do with a range (posix_fadvise(2)). will_need begins to read it in;
// dont_need drops clean pages, so sync first.
enum class file_advice : std::uint8_t {
    normal,
    sequential,
    random,
    will_need,
    dont_need,
    no_reuse
};

class file {
  public:
    // Opens `path`, for reading when nothing else is said. A pipe or a device waits as open(2)
    // does.
    [[nodiscard]] static result<file> open(const std::string& path,
                                           const open_options& options = {});
    // Opens a path below `directory` and never leaves it, whatever `..` and symbolic links say
    // (EXDEV); links of /proc are not followed (ELOOP). By openat2(2) with RESOLVE_BENEATH; where
    // the kernel or a sandbox does not have it, the error says so (ENOSYS, EPERM), and nothing is
    // opened in a less safe way. The descriptor stays the caller's.
    [[nodiscard]] static result<file> open_beneath(const file& directory, const std::string& path,
                                                   const open_options& options = {});
    [[nodiscard]] static result<file> open_beneath(int directory, const std::string& path,
                                                   const open_options& options = {});
    // Opens a directory: for open_beneath, and for sync, which brings to the disk what names it
    // holds.
    [[nodiscard]] static result<file> open_directory(const std::string& path);
    // Takes over an open descriptor. `name` is what errors call it. write_at needs one without
    // O_APPEND.
    explicit file(unique_fd owned, std::string name = {});

    [[nodiscard]] int fd() const noexcept { return opened_->fd.get(); }
    [[nodiscard]] const std::string& name() const noexcept { return opened_->name; }

    // The size as it is now (fstat(2)).
    [[nodiscard]] result<std::uint64_t> size() const;

    // Reads at `position` until `to` is full or the file ends; returns the bytes read, so a short
    // count is the end. Copies, page cache to memory. May wait for the disk. preadv(2).
    [[nodiscard]] result<std::size_t> read_at(std::uint64_t position, writable_bytes to) const;
    // The same into several parts, one after the other.
    [[nodiscard]] result<std::size_t> read_at(std::uint64_t position,
                                              std::span<const writable_bytes> parts) const;
    // The whole content from position 0 on, on the heap; EFBIG when it is more than `size_max`.
    // Also for files of /proc, which say that their size is 0. Copies.
    [[nodiscard]] result<buffer_slice> read_all(std::size_t size_max) const;

    // Writes all of `from` at `position`; beyond the end the file grows, with a hole between.
    // Copies, memory to page cache: nothing is on the disk before sync. On an error, such as ENOSPC
    // or EDQUOT, bytes_done() bytes have been written, and no byte before `position` or behind the
    // range has changed. pwritev(2).
    [[nodiscard]] result<void> write_at(std::uint64_t position, bytes_view from) const;
    [[nodiscard]] result<void> write_at(std::uint64_t position,
                                        std::span<const bytes_view> parts) const;

    // Writes all of it at the end of the file, also when others append at the same time: the end is
    // found and the bytes are written under one lock (pwritev2(2) RWF_APPEND), whether the file was
    // opened with `append` or not. Bytes of others can come in between only where the kernel takes
    // several calls: beyond 1024 parts or 2 GiB, and after a short write (a disk that is full).
    // Network file systems promise less.
    [[nodiscard]] result<void> append(bytes_view from) const;
    [[nodiscard]] result<void> append(std::span<const bytes_view> parts) const;

    // Sets the size: cuts, or grows by a hole. ftruncate(2).
    [[nodiscard]] result<void> truncate(std::uint64_t size) const;
    // Takes disk space for the range, so that writing there cannot fail with ENOSPC (on file
    // systems that copy on write, such as btrfs, the first time only). New bytes read as zeros.
    // EOPNOTSUPP where the file system cannot; nothing is written instead. After ENOSPC a part of
    // the range may have been taken, and the file may have grown so far (ext4). fallocate(2).
    [[nodiscard]] result<void> preallocate(std::uint64_t position, std::uint64_t size,
                                           file_size_is kept = file_size_is::grown) const;
    // Gives the range's blocks back; it reads as zeros from then on, the size stays.
    // FALLOC_FL_PUNCH_HOLE.
    [[nodiscard]] result<void> punch_hole(std::uint64_t position, std::uint64_t size) const;
    // Makes the range read as zeros, keeping the blocks. FALLOC_FL_ZERO_RANGE.
    [[nodiscard]] result<void> zero_range(std::uint64_t position, std::uint64_t size) const;
    // Cuts the range out: what follows moves down to `position`, without being copied. Both must be
    // multiples of the file system's block. FALLOC_FL_COLLAPSE_RANGE, ext4 and xfs.
    [[nodiscard]] result<void> collapse_range(std::uint64_t position, std::uint64_t size) const;

    // The first position from `position` on that holds data (SEEK_DATA); none when only a hole is
    // left. File systems without holes call everything data. Moves the descriptor's own position.
    [[nodiscard]] result<std::optional<std::uint64_t>> next_data(std::uint64_t position) const;
    // The first position from `position` on in a hole; the end of the file is one (SEEK_HOLE). None
    // when `position` is at the end or behind it.
    [[nodiscard]] result<std::optional<std::uint64_t>> next_hole(std::uint64_t position) const;

    // Waits until what was written is on the disk; of a directory, the names in it. fdatasync(2),
    // fsync(2). After an error (EIO) the kernel may have dropped the pages: a second call that
    // succeeds proves nothing, so take what was not synced before as lost.
    [[nodiscard]] result<void> sync(sync_scope scope = sync_scope::all) const;
    // Writes a range's pages out early, so that a later sync has less to do. Gives no durability,
    // even with wait: neither metadata nor the disk's own cache is flushed. Size 0 is all up to the
    // end. sync_file_range(2).
    [[nodiscard]] result<void> sync_range(std::uint64_t position, std::uint64_t size,
                                          range_sync mode) const;

    // Size 0 is all up to the end.
    [[nodiscard]] result<void> advise(file_advice advice, std::uint64_t position = 0,
                                      std::uint64_t size = 0) const;

    // What O_DIRECT wants, in bytes: addresses in memory, and positions and sizes in the file, must
    // be multiples of these. statx(2) STATX_DIOALIGN (since 6.1); where that says nothing, a page
    // for both, which every disk takes. EOPNOTSUPP when it says that there is no O_DIRECT here.
    struct alignment {
        std::size_t memory;
        std::size_t position;
    };
    [[nodiscard]] result<alignment> direct_alignment() const;

    // The range as something to send; nothing is read.
    [[nodiscard]] file_region region(std::uint64_t position, std::uint64_t size) const noexcept;

  private:
    struct opened {
        unique_fd fd;
        std::string name;
        bool append = false;
        std::optional<alignment> direct = {};  // for files that were opened with O_DIRECT
    };
    explicit file(opened made) : opened_(std::make_shared<const opened>(std::move(made))) {}
    static result<file> finish_open(unique_fd fd, std::string name, const open_options& options);

    std::shared_ptr<const opened> opened_;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
