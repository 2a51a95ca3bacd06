// directory_entries.h: giving files names, changing and removing names, and whose the files are.
//
// Names are relative to an open directory, so that they mean the same place even when the directory
// itself is renamed meanwhile.
#pragma once

#include <string>

#include <sys/stat.h>

#include <sluice/result.h>
#include <sluice/unique_fd.h>

namespace sluice::sys {

// Opens a new file for reading and writing (openat(2) with O_CLOEXEC): one under this name, which
// must be free (O_EXCL), or one without a name (O_TMPFILE).
[[nodiscard]] result<unique_fd> create_named(int directory, const std::string& name, unsigned mode);
[[nodiscard]] result<unique_fd> create_nameless(int directory, unsigned mode);

// Gives an open file, such as one without a name, this one. EEXIST when it is taken. linkat(2)
// through /proc/self/fd, which needs no privilege; where /proc is missing, with AT_EMPTY_PATH.
[[nodiscard]] result<void> link_file(int fd, int directory, const std::string& name);

enum class if_taken { replace, fail };
// renameat2(2) within a directory; with if_taken::fail EEXIST when `to` is taken, and EINVAL where
// the file system has no RENAME_NOREPLACE.
[[nodiscard]] result<void> rename_in(int directory, const std::string& from, const std::string& to,
                                     if_taken taken);
// linkat(2) within a directory.
[[nodiscard]] result<void> link_in(int directory, const std::string& from, const std::string& to);
// unlinkat(2)
[[nodiscard]] result<void> unlink_in(int directory, const std::string& name);

// fchown(2) and fchmod(2), in this order, since the first takes the setuid bits away. The owner is
// set only when it differs.
[[nodiscard]] result<void> take_after(int fd, const struct stat& example);

}  // namespace sluice::sys
