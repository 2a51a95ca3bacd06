// file_service_testing.h: asking a file service in the tests' own process, without a connection.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "http/file_service.h"
#include "http/request_parser.h"
#include "support/served_tree.h"
#include "sys/clock.h"

namespace sluice::http {

// A response as a client reads it.
struct answered {
    int status = 0;
    std::multimap<std::string, std::string> fields;
    std::string body;
    std::uint64_t body_bytes = 0;  // as the access log will have it
    std::string trouble;
    int waits = 0;  // how often work was to be done off the loop

    [[nodiscard]] std::string field(const std::string& name) const {
        auto found = fields.find(name);
        return found == fields.end() ? "(none)" : found->second;
    }
};

class FileService : public testing::Test {
  protected:
    FileService() { serve(); }

    void serve(server_config config) {
        sites_ = files_.serve(std::move(config));
        service_ = std::make_unique<file_service>(sites_, heads_, cache_limits{});
    }
    void serve(site_config site = {}) {
        server_config config;
        config.sites.push_back(std::move(site));
        serve(std::move(config));
    }

    // `line` is "GET /path"; `fields` are whole lines.
    answered ask(const std::string& line, const std::string& fields = {}) {
        auto text = line + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
        exchange x;
        x.now_ns = sys::monotonic_ns();
        std::size_t searched = 0;
        auto head = parse_head(as_bytes(text), searched, {}, x.asked);
        EXPECT_EQ(head.is, parsed_head::outcome::complete) << text;
        chain out;
        answered made;
        while (auto work = service_->answer(x, out)) {
            EXPECT_TRUE(out.empty()) << "a part of the answer before the work is done";
            (*work)();
            if (++made.waits > 10) break;
        }
        read(out, made);
        EXPECT_EQ(made.status, x.answer.status);
        EXPECT_EQ(made.body.size(), x.answer.body_bytes);
        made.body_bytes = x.answer.body_bytes;
        made.trouble = x.answer.trouble;
        expect_length(made, x.asked.method);
        return made;
    }

    static void read(const chain& out, answered& made) {
        auto whole = out.flatten();
        ASSERT_TRUE(whole);
        auto text = std::string(whole->text());
        auto end = text.find("\r\n\r\n");
        ASSERT_NE(end, std::string::npos) << text;
        made.body = text.substr(end + 4);
        std::istringstream lines(text.substr(0, end + 2));
        std::string line;
        std::getline(lines, line);
        ASSERT_TRUE(line.starts_with("HTTP/1.1 ")) << line;
        made.status = std::stoi(line.substr(9));
        while (std::getline(lines, line)) {
            ASSERT_TRUE(line.ends_with("\r")) << line;
            auto colon = line.find(": ");
            ASSERT_NE(colon, std::string::npos) << line;
            made.fields.emplace(line.substr(0, colon),
                                line.substr(colon + 2, line.size() - colon - 3));
        }
    }

    static void expect_length(const answered& made, request_method method) {
        for (const auto* name : {"Content-Length", "Content-Type", "Date", "ETag", "Location"})
            EXPECT_LE(made.fields.count(name), 1u) << name;
        bool bodiless = made.status == 204 || made.status == 304;
        if (bodiless || method == request_method::head) {
            EXPECT_EQ(made.body, "");
            return;
        }
        EXPECT_EQ(made.field("Content-Length"), std::to_string(made.body.size()));
    }

    support::served_tree files_;
    response_head heads_;
    std::shared_ptr<const site_set> sites_;
    std::unique_ptr<file_service> service_;
};

}  // namespace sluice::http
