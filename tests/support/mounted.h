// mounted.h: file systems made for a test.
#pragma once

#include <cstdlib>
#include <string>

#include <sched.h>
#include <sys/mount.h>

#include "support/temporary_file.h"

namespace sluice::support {

// The exit status of a command whose output nobody wants.
inline int run(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str());
}

// A file system for the life of the object, in a mount namespace of the test's own: the end of the
// process takes it away in any case, and nothing of it shows outside.
class mounted {
  public:
    explicit mounted(const std::string& mount_arguments)
        : mounted_(::unshare(CLONE_NEWNS) == 0 &&
                   ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   run("mount " + mount_arguments + " " + folder_.path()) == 0) {}
    mounted(const mounted&) = delete;
    mounted& operator=(const mounted&) = delete;
    ~mounted() {
        if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
    }
    [[nodiscard]] bool there() const { return mounted_; }
    [[nodiscard]] std::string path(const std::string& name) const {
        return folder_.path() + "/" + name;
    }

  private:
    temporary_directory folder_;
    bool mounted_;
};

}  // namespace sluice::support
