#include "http/preconditions.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

constexpr std::string_view at_change = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::string_view before_change = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr std::string_view after_change = "Sun, 06 Nov 1994 08:49:38 GMT";
constexpr validators file{.etag = "\"a\"", .last_modified = 784111777, .now = 1795168800};

precondition get(const conditional_fields& fields) {
    return evaluate(fields, file, true);
}
precondition put(const conditional_fields& fields) {
    return evaluate(fields, file, false);
}

TEST(Preconditions, WithoutFieldsTheRequestProceeds) {
    EXPECT_EQ(get({}), precondition::proceed);
    EXPECT_EQ(put({}), precondition::proceed);
}

TEST(Preconditions, IfMatchComparesStrongly) {
    EXPECT_EQ(get({.if_match = "\"a\""}), precondition::proceed);
    EXPECT_EQ(get({.if_match = "*"}), precondition::proceed);
    EXPECT_EQ(get({.if_match = "W/\"a\""}), precondition::failed);
    EXPECT_EQ(get({.if_match = "\"b\""}), precondition::failed);
    EXPECT_EQ(get({.if_match = ""}), precondition::failed);
}

TEST(Preconditions, IfUnmodifiedSinceIsReadOnlyWithoutIfMatch) {
    EXPECT_EQ(get({.if_unmodified_since = at_change}), precondition::proceed);
    EXPECT_EQ(get({.if_unmodified_since = before_change}), precondition::failed);
    EXPECT_EQ(get({.if_unmodified_since = "yesterday"}), precondition::proceed);
    EXPECT_EQ(get({.if_match = "\"a\"", .if_unmodified_since = before_change}),
              precondition::proceed);
    EXPECT_EQ(get({.if_match = "\"b\"", .if_unmodified_since = after_change}),
              precondition::failed);
}

TEST(Preconditions, IfNoneMatchComparesWeakly) {
    EXPECT_EQ(get({.if_none_match = "W/\"a\""}), precondition::not_modified);
    EXPECT_EQ(get({.if_none_match = "*"}), precondition::not_modified);
    EXPECT_EQ(get({.if_none_match = "\"b\""}), precondition::proceed);
    EXPECT_EQ(put({.if_none_match = "\"a\""}), precondition::failed);
    EXPECT_EQ(put({.if_none_match = "\"b\""}), precondition::proceed);
}

TEST(Preconditions, IfModifiedSinceIsReadOnlyWithoutIfNoneMatch) {
    EXPECT_EQ(get({.if_modified_since = at_change}), precondition::not_modified);
    EXPECT_EQ(get({.if_modified_since = after_change}), precondition::not_modified);
    EXPECT_EQ(get({.if_modified_since = before_change}), precondition::proceed);
    EXPECT_EQ(get({.if_modified_since = "0"}), precondition::proceed);
    EXPECT_EQ(put({.if_modified_since = after_change}), precondition::proceed);
    EXPECT_EQ(get({.if_none_match = "\"b\"", .if_modified_since = after_change}),
              precondition::proceed);
}

TEST(Preconditions, AFailedOneGoesBeforeNotModified) {
    EXPECT_EQ(get({.if_match = "\"b\"", .if_none_match = "\"a\""}), precondition::failed);
    EXPECT_EQ(get({.if_match = "\"a\"", .if_none_match = "\"a\""}), precondition::not_modified);
}

TEST(Preconditions, IfRangeTakesOurStrongTagOnly) {
    EXPECT_TRUE(if_range_holds("\"a\"", file));
    EXPECT_FALSE(if_range_holds("W/\"a\"", file));
    EXPECT_FALSE(if_range_holds("\"b\"", file));
    EXPECT_FALSE(if_range_holds("\"b\", \"a\"", file));
    EXPECT_FALSE(if_range_holds("*", file));
    EXPECT_FALSE(if_range_holds("", file));
}

TEST(Preconditions, IfRangeTakesTheExactDateOfAFileAtRest) {
    EXPECT_TRUE(if_range_holds(at_change, file));
    EXPECT_FALSE(if_range_holds(before_change, file));
    EXPECT_FALSE(if_range_holds(after_change, file));
    auto fresh = file;
    fresh.now = file.last_modified;
    EXPECT_FALSE(if_range_holds(at_change, fresh));
    fresh.now = file.last_modified + 1;
    EXPECT_TRUE(if_range_holds(at_change, fresh));
}

}  // namespace
}  // namespace sluice::http
