// directory_entries.h: giving files names, changing and removing names, and whose the files are.
//
// Names are relative to an open directory, so that they mean the same place even when the directory
// itself is renamed meanwhile.
#pragma once

#include <string>

#include <sys/stat.h>

#include <sluice/result.h>

namespace sluice::sys {

// Gives an open file, such as one of O_TMPFILE, a name (linkat(2) through /proc/self/fd, which
// needs no privilege). EEXIST when the name is taken.
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
