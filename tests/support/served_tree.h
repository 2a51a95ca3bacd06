// served_tree.h: a folder of files and the sites that serve it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "http/media_types.h"
#include "http/site.h"
#include "support/temporary_file.h"

namespace sluice::support {

// Names are relative to the root; folders on the way to a file are made. The root goes with this.
class served_tree {
  public:
    served_tree() { std::filesystem::create_directories(root()); }

    // A file beside the root, at "../outside", is outside of it.
    [[nodiscard]] std::string root() const { return all_.path() + "/root"; }
    [[nodiscard]] std::string place_of(std::string_view name) const {
        return root() + "/" + std::string(name);
    }

    // Written in place if it exists: the same inode.
    void write(std::string_view name, std::string_view content) {
        std::filesystem::create_directories(std::filesystem::path(place_of(name)).parent_path());
        std::ofstream out(place_of(name), std::ios::binary | std::ios::trunc);
        out.write(content.data(), static_cast<std::streamsize>(content.size()));
        out.close();
        EXPECT_FALSE(out.fail()) << name;
    }
    // Another file under the same name, as editors and deployments do it.
    void replace(std::string_view name, std::string_view content) {
        write(".new", content);
        std::filesystem::rename(place_of(".new"), place_of(name));
    }
    void remove(std::string_view name) { std::filesystem::remove_all(place_of(name)); }
    void make_directory(std::string_view name) {
        std::filesystem::create_directories(place_of(name));
    }
    void link(std::string_view target, std::string_view name) {
        std::filesystem::create_symlink(target, place_of(name));
    }
    // The time of the last modification, in nanoseconds before now or at a time given.
    void set_modified(std::string_view name, timespec when) {
        timespec both[2] = {{0, UTIME_OMIT}, when};
        EXPECT_EQ(::utimensat(AT_FDCWD, place_of(name).c_str(), both, 0), 0) << name;
    }
    [[nodiscard]] struct stat status(std::string_view name) const {
        struct stat found {};
        EXPECT_EQ(::stat(place_of(name).c_str(), &found), 0) << name;
        return found;
    }

    // Sites as configured; a site without a root gets this one.
    [[nodiscard]] std::shared_ptr<const http::site_set> serve(http::server_config config) const {
        if (config.sites.empty()) config.sites.emplace_back();
        for (auto& each : config.sites) {
            if (each.root.empty()) each.root = root();
        }
        auto types = std::make_shared<const http::media_types>(http::media_types::builtin());
        auto opened = http::site_set::open(config, std::move(types));
        EXPECT_TRUE(opened) << (opened ? std::string() : opened.error().message());
        return *std::move(opened);
    }
    [[nodiscard]] std::shared_ptr<const http::site_set> serve(http::site_config site = {}) const {
        http::server_config config;
        config.sites.push_back(std::move(site));
        return serve(std::move(config));
    }

  private:
    temporary_directory all_;
};

}  // namespace sluice::support
