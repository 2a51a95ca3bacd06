#include "http/admin.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

class Admin : public testing::Test {
  protected:
    std::string ask(request_method method, std::string_view target) {
        exchange x;
        x.asked.method = method;
        x.asked.target = target;
        chain out;
        EXPECT_FALSE(service_.answer(x, out));
        auto text = std::string(out.flatten()->text());
        EXPECT_TRUE(text.starts_with("HTTP/1.1 " + std::to_string(x.answer.status) + " ")) << text;
        return text;
    }
    std::string get(std::string_view target) { return ask(request_method::get, target); }

    std::atomic<bool> draining_{false};
    response_head heads_;
    admin_service service_{[] { return std::string("a_metric 1\n"); }, draining_, heads_};
};

TEST_F(Admin, Metrics) {
    auto text = get("/metrics");
    EXPECT_NE(text.find(" 200 OK\r\n"), std::string::npos) << text;
    EXPECT_NE(text.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
              std::string::npos);
    EXPECT_NE(text.find("Content-Length: 11\r\n"), std::string::npos);
    EXPECT_TRUE(text.ends_with("\r\n\r\na_metric 1\n"));
    EXPECT_TRUE(get("/metrics?name[]=x").ends_with("a_metric 1\n"));
    EXPECT_TRUE(ask(request_method::head, "/metrics").ends_with("\r\n\r\n"));
}

TEST_F(Admin, Health) {
    EXPECT_TRUE(get("/healthz").ends_with("\r\n\r\nok\n"));
    draining_ = true;
    auto text = get("/healthz");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 503 "));
    EXPECT_TRUE(text.ends_with("\r\n\r\ndraining\n"));
}

TEST_F(Admin, NothingElse) {
    for (const auto* target : {"/", "/metric", "/metrics/", "/../metrics", "metrics"})
        EXPECT_TRUE(get(target).starts_with("HTTP/1.1 404 ")) << target;
    auto posted = ask(request_method::post, "/metrics");
    EXPECT_TRUE(posted.starts_with("HTTP/1.1 405 "));
    EXPECT_NE(posted.find("Allow: GET, HEAD\r\n"), std::string::npos);
}

// Its requests would drown the site's.
TEST_F(Admin, IsNotPublic) {
    EXPECT_FALSE(service_.is_public());
}

}  // namespace
}  // namespace sluice::http
