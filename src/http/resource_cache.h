// resource_cache.h: the files that one loop keeps ready.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "http/resource.h"

namespace sluice::http {

// Bounds of one loop's cache: the process's, divided by the number of loops.
struct cache_limits {
    std::size_t descriptors = 1024;
    std::size_t entries = 8192;
    std::uint64_t bytes = 64 * 1024 * 1024;
};

// Keeps resources by site and path, the most recently used first, and looks again whether they are
// current after `recheck_ns`, so that a file that was replaced or edited is served new within 100
// ms. One loop's thread only.
class resource_cache {
  public:
    static constexpr std::int64_t recheck_ns = 50'000'000;

    explicit resource_cache(cache_limits limits) : limits_(limits) {}

    // The resource, or null when there is none or it is no longer current. `now_ns` is monotonic.
    // It is the cache's own, for use until the cache is used again.
    [[nodiscard]] const resource* find(const site& from, std::string_view path,
                                       std::int64_t now_ns);
    // The same, kept alive for as long as the caller wants.
    [[nodiscard]] std::shared_ptr<const resource> share(const site& from, std::string_view path,
                                                        std::int64_t now_ns);
    // Keeps a resource that has just been loaded, and drops the least recently used ones that are
    // too many.
    void insert(const site& from, std::string path, std::shared_ptr<const resource> loaded,
                std::int64_t now_ns);
    // Drops everything, when the sites have changed.
    void reset(cache_limits limits);
    // Drops what holds a descriptor; called when there are none left.
    void drop_descriptors();

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t descriptors() const noexcept { return descriptors_; }

  private:
    struct entry {
        const site* from;
        std::string path;
        std::shared_ptr<const resource> kept;
        std::int64_t checked_ns;
    };
    using entry_list = std::list<entry>;
    struct key {
        const site* from;
        std::string_view path;
        friend bool operator==(const key&, const key&) = default;
    };
    struct key_hash {
        std::size_t operator()(const key& which) const noexcept;
    };

    [[nodiscard]] const entry* find_current(const key& wanted, std::int64_t now_ns);
    void erase(entry_list::iterator which);
    void trim();

    cache_limits limits_;
    entry_list entries_;  // the most recently used first
    std::unordered_map<key, entry_list::iterator, key_hash>
        index_;  // its keys view into the entries
    std::uint64_t bytes_ = 0;
    std::size_t descriptors_ = 0;
};

}  // namespace sluice::http
