#include "http/resource_cache.h"

#include <gtest/gtest.h>

#include "support/served_tree.h"

namespace sluice::http {
namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t after_recheck = resource_cache::recheck_ns + 1;

class ResourceCache : public testing::Test {
  protected:
    ResourceCache() {
        server_config config;
        config.limits.small_body_bytes = 100;
        config.sites.resize(2);
        config.sites[1].hosts = {"other"};
        sites_ = files_.serve(config);
    }
    [[nodiscard]] const site& from(std::size_t at = 0) const { return sites_->sites[at]; }

    std::shared_ptr<const resource> settled(const std::string& path) {
        while (true) {
            auto made = load(*sites_, from(), path, lookup::may_block);
            EXPECT_EQ(made.is, load_outcome::kind::file) << path;
            if (!made.found || made.found->settled) return made.found;
        }
    }
    void insert(const std::string& path, std::int64_t now = 0) {
        cache_.insert(from(), path, settled(path), now);
    }
    void write_many(int count, std::size_t size) {
        for (int at = 0; at < count; ++at)
            files_.write(std::to_string(at), std::string(size, 'x'));
    }
    bool has(const std::string& path, std::int64_t now = 0) {
        return cache_.find(from(), path, now) != nullptr;
    }

    support::served_tree files_;
    std::shared_ptr<const site_set> sites_;
    resource_cache cache_{cache_limits{}};
};

TEST_F(ResourceCache, FindsWhatWasInserted) {
    files_.write("a", "x");
    EXPECT_FALSE(has("/a"));
    auto made = settled("/a");
    cache_.insert(from(), "/a", made, 0);
    EXPECT_EQ(cache_.find(from(), "/a", 0), made.get());
    EXPECT_EQ(cache_.share(from(), "/a", 0), made);
    EXPECT_FALSE(has("/b"));
    EXPECT_EQ(cache_.find(from(1), "/a", 0), nullptr);  // of another site
}

TEST_F(ResourceCache, LooksAgainAfterAWhile) {
    files_.write("a", "x");
    insert("/a");
    files_.write("a", "y");
    EXPECT_TRUE(has("/a", resource_cache::recheck_ns));  // not yet
    EXPECT_FALSE(has("/a", after_recheck));
    EXPECT_EQ(cache_.bytes(), 0u);
}

TEST_F(ResourceCache, WhatIsCurrentStaysAndIsLookedAtLessOften) {
    files_.write("a", "x");
    insert("/a");
    EXPECT_TRUE(has("/a", after_recheck));  // looked at
    files_.remove("a");
    EXPECT_TRUE(has("/a", after_recheck + 50 * ms));
    EXPECT_FALSE(has("/a", 2 * after_recheck));
}

// docs/serve.md promises 100 ms: the interval and a tick of the coarse clock must fit in.
TEST(ResourceCacheInterval, KeepsThePromise) {
    EXPECT_LE(resource_cache::recheck_ns, 90 * ms);
}

TEST_F(ResourceCache, WhatIsNotSettledIsLoadedAgain) {
    files_.write("a", "x");
    auto made = load(*sites_, from(), "/a", lookup::may_block).found;
    ASSERT_FALSE(made->settled);
    cache_.insert(from(), "/a", made, 0);
    EXPECT_TRUE(has("/a", 0));
    EXPECT_FALSE(has("/a", after_recheck));
}

TEST_F(ResourceCache, InsertingAgainReplaces) {
    files_.write("a", "x");
    insert("/a");
    auto bytes = cache_.bytes();
    insert("/a");
    EXPECT_EQ(cache_.bytes(), bytes);
    files_.write("a", std::string(50, 'y'));
    insert("/a");
    EXPECT_GT(cache_.bytes(), bytes);
    EXPECT_EQ(cache_.find(from(), "/a", 0)->in(coding::identity).size, 50u);
}

TEST_F(ResourceCache, TheLeastRecentlyUsedGoesFirst) {
    write_many(4, 10);
    cache_.reset({.entries = 3});
    for (const auto* path : {"/0", "/1", "/2"})
        insert(path);
    EXPECT_TRUE(has("/0"));  // used
    insert("/3");
    EXPECT_TRUE(has("/0"));
    EXPECT_FALSE(has("/1"));
    EXPECT_TRUE(has("/2"));
    EXPECT_TRUE(has("/3"));
}

TEST_F(ResourceCache, BoundsBytes) {
    write_many(10, 90);
    insert("/0");
    auto each = cache_.bytes();
    cache_.reset({.bytes = 3 * each + each / 2});
    for (int at = 0; at < 10; ++at) {
        insert("/" + std::to_string(at));
        EXPECT_LE(cache_.bytes(), 3 * each + each / 2);
    }
    EXPECT_EQ(cache_.bytes(), 3 * each);
    EXPECT_TRUE(has("/9"));
    EXPECT_FALSE(has("/6"));
}

TEST_F(ResourceCache, BoundsDescriptors) {
    write_many(10, 200);
    cache_.reset({.descriptors = 4});
    for (int at = 0; at < 10; ++at) {
        insert("/" + std::to_string(at));
        EXPECT_LE(cache_.descriptors(), 4u);
    }
    EXPECT_EQ(cache_.descriptors(), 4u);
    EXPECT_TRUE(has("/9"));
    EXPECT_FALSE(has("/5"));
}

TEST_F(ResourceCache, OneThatIsTooLargeIsNotKept) {
    files_.write("a", std::string(90, 'x'));
    cache_.reset({.bytes = 10});
    auto made = settled("/a");
    cache_.insert(from(), "/a", made, 0);
    EXPECT_EQ(cache_.bytes(), 0u);
    EXPECT_FALSE(has("/a"));
}

TEST_F(ResourceCache, LetsGoOfDescriptorsOnly) {
    files_.write("large", std::string(200, 'x'));
    files_.write("small", "x");
    insert("/large");
    insert("/small");
    EXPECT_EQ(cache_.descriptors(), 1u);
    cache_.drop_descriptors();
    EXPECT_EQ(cache_.descriptors(), 0u);
    EXPECT_FALSE(has("/large"));
    EXPECT_TRUE(has("/small"));
}

TEST_F(ResourceCache, ASharedOneOutlivesTheCache) {
    files_.write("a", "x");
    insert("/a");
    auto kept = cache_.share(from(), "/a", 0);
    cache_.reset({});
    EXPECT_FALSE(has("/a"));
    EXPECT_EQ(kept.use_count(), 1);
    EXPECT_EQ(kept->in(coding::identity).size, 1u);
}

}  // namespace
}  // namespace sluice::http
