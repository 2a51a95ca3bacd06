// mount_testing.h: file systems made for a test.
#pragma once

#include <cstdlib>
#include <string>

#include <sys/mount.h>

#include "support/temporary_file.h"

namespace sluice::mount_testing {

// The exit status of a command whose output nobody wants.
inline int run(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str());
}

// A file system that is unmounted when the test ends, however it ends.
class mounted {
  public:
    explicit mounted(const std::string& mount_arguments)
        : mounted_(run("mount " + mount_arguments + " " + folder_.path()) == 0) {}
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
    support::temporary_directory folder_;
    bool mounted_;
};

}  // namespace sluice::mount_testing
