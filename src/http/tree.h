// tree.h: the names below one site's root, resolved by the kernel within it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include <sluice/result.h>
#include <sluice/unique_fd.h>

#include "http/listing.h"
#include "http/site.h"

namespace sluice::http {

// What tells one state of a file from another.
struct file_identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;

    [[nodiscard]] static file_identity of(const struct stat& status) noexcept;
    friend bool operator==(const file_identity&, const file_identity&) = default;
};

// Whether looking up a name may wait for the disk. With cached_only it fails with EAGAIN instead.
enum class lookup : std::uint8_t { cached_only, may_block };

// The root as a wall: openat2(2) with RESOLVE_BENEATH (unless the site follows links out of its
// root) and RESOLVE_NO_MAGICLINKS, so that neither a `..` nor a link, even one put in place between
// a check and an open, leads out. Borrows the site. Any thread.
class tree {
  public:
    tree(const site& from, lookup how) noexcept;

    // "/a/b/" → "a/b", "/" → ".": relative to the root, as RESOLVE_BENEATH requires.
    [[nodiscard]] static std::string below_root(std::string_view path);

    [[nodiscard]] result<unique_fd> open(const std::string& name, int flags) const;
    // The state of what a name leads to, without opening it: a device or a fifo is not touched.
    [[nodiscard]] result<struct stat> look_at(const std::string& name) const;
    [[nodiscard]] lookup how() const noexcept { return how_; }

    // The entries of a directory that the site would serve, at most `entries_max`. Waits for the
    // disk.
    [[nodiscard]] result<listing_page> list(const std::string& path, std::size_t entries_max) const;

  private:
    const site& site_;
    lookup how_;
};

}  // namespace sluice::http
