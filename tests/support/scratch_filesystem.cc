#include "support/scratch_filesystem.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sluice/file.h>

namespace sluice::support {

namespace {

result<void> run(const std::string& command) {
    if (std::system((command + " >/dev/null 2>&1").c_str()) != 0)
        return failure(ENOTSUP, "run", command);
    return {};
}

result<void> make_private_namespace() {
    if (::unshare(CLONE_NEWNS) != 0) return failure(errno, "unshare", "mount namespace");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return failure(errno, "mount", "/ as private");
    return {};
}

// Once in a process: a namespace goes with the last process in it.
result<void> enter_private_namespace() {
    static const auto entered = make_private_namespace();
    return entered;
}

// The least that each takes, with some room: the images are sparse.
std::uint64_t image_size(filesystem_kind kind) {
    switch (kind) {
        case filesystem_kind::xfs:
            return 320 << 20;
        case filesystem_kind::btrfs:
            return 160 << 20;
        default:
            return 48 << 20;
    }
}

constexpr const char* memory_options = "size=48m";

}  // namespace

std::string_view name_of(filesystem_kind kind) noexcept {
    constexpr std::array<std::string_view, 5> names{"tmpfs", "overlay", "ext4", "xfs", "btrfs"};
    return names[static_cast<std::size_t>(kind)];
}

scratch_filesystem::scratch_filesystem()
    : place_(std::make_unique<temporary_directory>()), root_(place_->path() + "/root") {
    std::filesystem::create_directory(root_);
}

scratch_filesystem::scratch_filesystem(scratch_filesystem&& other) noexcept
    : place_(std::move(other.place_)),
      mounts_(std::exchange(other.mounts_, {})),
      root_(std::move(other.root_)),
      path_(std::move(other.path_)) {}

scratch_filesystem::~scratch_filesystem() {
    for (auto mounted = mounts_.rbegin(); mounted != mounts_.rend(); ++mounted) {
        // A test that failed may have files open there.
        if (::umount2(mounted->c_str(), 0) != 0) ::umount2(mounted->c_str(), MNT_DETACH);
    }
}

result<scratch_filesystem> scratch_filesystem::make(filesystem_kind kind) {
    if (auto entered = enter_private_namespace(); !entered) return failure(std::move(entered));
    scratch_filesystem made;
    if (auto mounted = made.mount(kind); !mounted) return failure(std::move(mounted));
    made.path_ = made.root_ + "/files";
    if (::mkdir(made.path_.c_str(), 0755) != 0) return failure(errno, "mkdir", made.path_);
    return made;
}

result<scratch_filesystem> scratch_filesystem::make_with_quota() {
    auto made = make(filesystem_kind::btrfs);
    if (!made) return made;
    made->path_ = made->root_ + "/limited";
    for (const auto& command :
         {"btrfs quota enable " + made->root_, "btrfs subvolume create " + made->path_,
          "btrfs qgroup limit 8M " + made->path_}) {
        if (auto done = run(command); !done) return failure(std::move(done));
    }
    return made;
}

result<void> scratch_filesystem::mount(filesystem_kind kind) {
    if (kind == filesystem_kind::overlay) return mount_overlay();
    if (kind != filesystem_kind::tmpfs) return mount_image(kind);
    if (::mount("none", root_.c_str(), "tmpfs", 0, memory_options) != 0)
        return failure(errno, "mount", "tmpfs");
    mounts_.push_back(root_);
    return {};
}

result<void> scratch_filesystem::mount_image(filesystem_kind kind) {
    auto image = place_->path() + "/image";
    auto created =
        file::open(image, {.access = file_access::write, .create = file_creation::must_be_new});
    if (!created) return failure(std::move(created));
    if (auto sized = created->truncate(image_size(kind)); !sized) return sized;
    auto type = std::string(name_of(kind));
    if (auto done = run("mkfs." + type + " -q " + image); !done) return done;
    // mount(8) takes a free loop device and marks it autoclear; -n: no note of it anywhere.
    if (auto done = run("mount -n -t " + type + " -o loop " + image + " " + root_); !done)
        return done;
    mounts_.push_back(root_);
    ::unlink(image.c_str());  // the device holds it
    return {};
}

result<void> scratch_filesystem::mount_overlay() {
    auto below = place_->path() + "/layers";
    std::filesystem::create_directory(below);
    if (::mount("none", below.c_str(), "tmpfs", 0, memory_options) != 0)
        return failure(errno, "mount", "tmpfs");
    mounts_.push_back(below);
    for (const char* layer : {"/lower", "/upper", "/work"})
        std::filesystem::create_directory(below + layer);
    auto options =
        "lowerdir=" + below + "/lower,upperdir=" + below + "/upper,workdir=" + below + "/work";
    if (::mount("none", root_.c_str(), "overlay", 0, options.c_str()) != 0)
        return failure(errno, "mount", "overlay");
    mounts_.push_back(root_);
    return {};
}

result<void> scratch_filesystem::fill_up_to(std::uint64_t left) const {
    auto filler = file::open(root_ + "/filler",
                             {.access = file_access::write, .create = file_creation::if_missing});
    if (!filler) return failure(std::move(filler));
    struct statvfs space {};
    if (::statvfs(root_.c_str(), &space) != 0) return failure(errno, "statvfs", root_);
    auto free = space.f_bavail * space.f_frsize;
    std::uint64_t size = 0;
    // Not all that is said to be free is free for one file, so it is taken in ever smaller steps.
    for (auto step = free > left ? free - left : 0; step > 64 << 10;) {
        auto taken = filler->preallocate(size, step);
        if (taken) {
            size += step;
            if (::statvfs(root_.c_str(), &space) != 0) return failure(errno, "statvfs", root_);
            free = space.f_bavail * space.f_frsize;
            step = free > left ? std::min(step, free - left) : 0;
        } else if (taken.error().is(ENOSPC)) {
            step /= 2;
        } else {
            return taken;
        }
    }
    return filler->sync();
}

result<void> scratch_filesystem::free_up() const {
    if (::unlink((root_ + "/filler").c_str()) != 0) return failure(errno, "unlink", root_);
    auto directory = file::open_directory(root_);
    return directory ? directory->sync() : failure(std::move(directory));
}

}  // namespace sluice::support
