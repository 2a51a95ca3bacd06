// scratch_filesystem.h: small file systems of every kind, mounted for the time of a test.
//
// Mounts are made in a mount namespace of the test process's own, and loop devices free themselves
// with their mount (autoclear): nothing of it is left when the process ends, however it ends, and
// nothing of it shows outside. Images are sparse files without a name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/result.h>

#include "support/temporary_file.h"

namespace sluice::support {

enum class filesystem_kind { tmpfs, overlay, ext4, xfs, btrfs };
[[nodiscard]] std::string_view name_of(filesystem_kind kind) noexcept;
// What failed tests call it.
inline void PrintTo(filesystem_kind kind, std::ostream* out) {
    *out << name_of(kind);
}
inline constexpr filesystem_kind every_filesystem[] = {
    filesystem_kind::tmpfs, filesystem_kind::overlay, filesystem_kind::ext4, filesystem_kind::xfs,
    filesystem_kind::btrfs};

// For a test program: `INSTANTIATE_TEST_SUITE_P(, suite, testing::ValuesIn(every_filesystem),
// ...)`; each test makes its own with make(), and skips with the error's message when it cannot.
class scratch_filesystem {
  public:
    // Needs root, and for all but tmpfs and overlay a free loop device and the mkfs program; the
    // error says what is missing. The first call puts the calling thread into a mount namespace of
    // its own, which the threads and processes that it starts later share: call it before there
    // are others.
    [[nodiscard]] static result<scratch_filesystem> make(filesystem_kind kind);
    // One on which the user cannot write more than some MiB while the disk has room: EDQUOT. By a
    // quota group of btrfs, which needs no more than the file system itself.
    [[nodiscard]] static result<scratch_filesystem> make_with_quota();

    scratch_filesystem(scratch_filesystem&& other) noexcept;
    scratch_filesystem& operator=(scratch_filesystem&&) = delete;
    ~scratch_filesystem();

    // An empty directory on it.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    // Takes the space away but for about `left` bytes, by a file beside path(). What a file system
    // takes for itself, and so how much is left in truth, differs.
    [[nodiscard]] result<void> fill_up_to(std::uint64_t left) const;
    // Gives it back.
    [[nodiscard]] result<void> free_up() const;

  private:
    scratch_filesystem();
    [[nodiscard]] result<void> mount(filesystem_kind kind);
    [[nodiscard]] result<void> mount_image(filesystem_kind kind);
    [[nodiscard]] result<void> mount_overlay();

    std::unique_ptr<temporary_directory> place_;  // the mount points
    std::vector<std::string> mounts_;
    std::string root_;
    std::string path_;
};

}  // namespace sluice::support
