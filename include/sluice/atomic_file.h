// atomic_file.h: a file that appears under its name whole, or not at all.
//
//     create ──▶ write to content() ──▶ commit: sync, take the name, sync the directory
//                      │
//                      └──▶ discard, or destroyed uncommitted: nothing is left
//
// What is written goes to a new file in the target's directory, without a name where the file
// system can (O_TMPFILE), else under a name of its own. commit() brings it to the disk and gives it
// the target's name in one step, so that readers, and a machine that crashes at any moment, find
// the old file or the new one. Readers that have the old file open keep it.
//
// After a crash within commit(), or anywhere where the file system has no O_TMPFILE, a file named
// `.NAME.<up to 16 hex digits>.new` may be left beside the target. Nothing else is.
//
// Not synchronised: one thread at a time; content() is a file like any other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/stat.h>

#include <sluice/file.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// What commit() waits for.
enum class durability : std::uint8_t {
    none,       // nothing: after a crash the new file may be there and be empty or cut
    content,    // the content is on the disk before it takes the name; the name may be the old one
    everything  // the name as well: after commit() a crash changes nothing any more
};

struct atomic_file_options {
    durability until = durability::everything;
    // Fails with EEXIST when the name is taken, instead of replacing what has it.
    bool must_not_exist = false;
    // A file that replaces another gets its owner and permissions; when it may not (EPERM), create
    // fails. Access lists and other extended attributes are not taken over.
    bool keep_owner_and_permissions = true;
    // Of a new file, less the process's umask.
    unsigned permissions = 0666;
};

class atomic_file {
  public:
    // Begins a new content for `path`. The directory must exist. A symbolic link at the name is
    // replaced itself; what it points to stays. Three calls or so; nothing is on the disk yet.
    [[nodiscard]] static result<atomic_file> create(const std::string& path,
                                                    const atomic_file_options& options = {});
    // The same for a name in an open directory; EINVAL when `name` is a path.
    [[nodiscard]] static result<atomic_file> create_in(const file& directory,
                                                       const std::string& name,
                                                       const atomic_file_options& options = {});
    atomic_file(atomic_file&& other) noexcept;
    atomic_file& operator=(atomic_file&& other) noexcept;
    ~atomic_file();

    // The new content, open for reading and writing. Regions of it, and copies of the handle, stay
    // good after the commit.
    [[nodiscard]] const file& content() const noexcept { return *content_; }

    // Makes the content the target's. On an error before it took the name (committed() is false)
    // the target is as it was, and another commit() tries again, but not after a failed sync: then
    // the content may be lost, so begin anew (EIO). An error after it took the name, when the
    // directory could not be synced, leaves the new file in place, which a crash may undo. Not to
    // be called after it took the name.
    [[nodiscard]] result<void> commit();
    // True when the content has the target's name.
    [[nodiscard]] bool committed() const noexcept { return committed_; }
    // Gives the new content up; content() is gone then. Nothing happens when it is committed.
    void discard() noexcept;

  private:
    atomic_file(file directory, std::string name, const atomic_file_options& options) noexcept
        : directory_(std::move(directory)), name_(std::move(name)), options_(options) {}

    static result<atomic_file> begin(file directory, std::string name, const std::string& called,
                                     const atomic_file_options& options);
    // The file that has the target's name now, if its owner and permissions are to be kept.
    [[nodiscard]] result<std::optional<struct stat>> replaced() const;
    [[nodiscard]] result<void> open_content(const std::string& called);
    [[nodiscard]] result<void> take_after_target() const;
    [[nodiscard]] result<void> sync_content();
    [[nodiscard]] result<void> take_name();
    [[nodiscard]] result<void> rename_to_target();

    std::optional<file> directory_;
    std::string name_;
    atomic_file_options options_;
    std::optional<file> content_;
    std::string temporary_name_;  // empty while the content has none
    bool sync_failed_ = false;
    bool committed_ = false;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
