#include "http/field_list.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

std::string written(const field_list& fields) {
    std::string text;
    fields.write_to(text);
    return text;
}

TEST(FieldList, KeepsTheOrderAndReplacesWithoutRegardToCase) {
    field_list fields;
    fields.set("Content-Type", "text/html");
    fields.set("ETag", "\"1\"");
    fields.set("content-type", "text/plain");
    EXPECT_EQ(written(fields), "Content-Type: text/plain\r\nETag: \"1\"\r\n");
}

TEST(FieldList, AddsToLists) {
    field_list fields;
    fields.add_to("Vary", "Accept-Encoding");
    fields.add_to("vary", "Origin");
    EXPECT_EQ(written(fields), "Vary: Accept-Encoding, Origin\r\n");
}

TEST(FieldList, TakesOut) {
    field_list fields;
    fields.set("A", "1");
    fields.set("B", "2");
    EXPECT_EQ(fields.take("a"), "1");
    EXPECT_EQ(fields.take("a"), "");
    EXPECT_EQ(written(fields), "B: 2\r\n");
}

}  // namespace
}  // namespace sluice::http
