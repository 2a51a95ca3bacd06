#include "http/server.h"

#include <chrono>
#include <csignal>
#include <expected>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "support/comes_true.h"
#include "support/fault_script.h"
#include "support/http_client.h"
#include "support/served_tree.h"

namespace sluice::http {
namespace {

using support::comes_true;
using support::http_client;

class Server : public testing::Test {
  protected:
    Server() {
        config_.http = {"127.0.0.1:0"};
        config_.threads = 1;
        config_.drain_timeout_ms = 5000;
        config_.log.error = folder_.path() + "/error.log";
        config_.sites.emplace_back().root = files_.root();
    }
    ~Server() override { end(); }

    void start() {
        auto made = server::open(config_, [this]() -> std::expected<server_config, std::string> {
            if (broken_) return std::unexpected("line 7");
            return config_;
        });
        ASSERT_TRUE(made) << made.error().message();
        server_ = *std::move(made);
        std::smatch found;
        auto line = server_->ready_line();
        ASSERT_TRUE(std::regex_match(line, found,
                                     std::regex("ready http=([^ ,]+)(,[^ ]+)?( admin=([^ ]+))?")))
            << line;
        bound_ = found[1].str();
        second_ = found[2].str().substr(found[2].length() > 0 ? 1 : 0);
        admin_ = found[4].str();
        main_ = std::thread([this] { server_->run(); });
    }
    void end() {
        if (!main_.joinable()) return;
        std::raise(SIGTERM);
        main_.join();
        server_.reset();
    }
    std::string error_log() {
        std::ifstream in(config_.log.error);
        std::ostringstream text;
        text << in.rdbuf();
        return text.str();
    }
    bool log_comes_to_say(const std::string& what) {
        return comes_true([&] { return error_log().find(what) != std::string::npos; });
    }

    support::fault_script script_;  // first: outlives every thread
    support::served_tree files_;
    support::temporary_directory folder_;
    server_config config_;
    std::atomic<bool> broken_{false};
    std::unique_ptr<server> server_;
    std::thread main_;
    std::string bound_, second_, admin_;
};

TEST_F(Server, ServesOnSeveralAddressesAndLoops) {
    config_.http = {"127.0.0.1:0", "unix:" + folder_.path() + "/socket"};
    config_.admin = "127.0.0.1:0";
    config_.threads = 2;
    files_.write("a", "hello");
    start();
    EXPECT_EQ(second_, "unix:" + folder_.path() + "/socket");
    for (int count = 0; count < 10; ++count)
        EXPECT_EQ(http_client(bound_).fetch("/a").body, "hello");
    EXPECT_EQ(http_client(second_).fetch("/a").body, "hello");
    EXPECT_EQ(http_client(admin_).fetch("/healthz").body, "ok\n");
    auto metrics = http_client(admin_).fetch("/metrics").body;
    EXPECT_NE(metrics.find("sluice_http_requests_total{code=\"200\",method=\"GET\"} 11"),
              std::string::npos)
        << metrics;
    EXPECT_NE(metrics.find("sluice_limit{name=\"cold_reads\"} 8"), std::string::npos);
    end();
    EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/socket"));
}

TEST_F(Server, NamesWhatItCannotOpen) {
    auto refusal = [&](const server_config& config) {
        auto made = server::open(config, nullptr);
        return made ? std::string("(none)") : made.error().message();
    };
    auto config = config_;
    config.sites[0].root = "/nothing/here";
    EXPECT_NE(refusal(config).find("/nothing/here"), std::string::npos);
    config = config_;
    config.http = {"nonsense"};
    EXPECT_NE(refusal(config).find("nonsense"), std::string::npos);
    config = config_;
    config.log.access = "/nothing/access.log";
    EXPECT_NE(refusal(config).find("/nothing/access.log"), std::string::npos);
}

TEST_F(Server, ReloadsAsAWholeOrNotAtAll) {
    files_.write("a", "old");
    support::served_tree other;
    other.write("a", "new");
    start();
    http_client client(bound_);
    EXPECT_EQ(client.fetch("/a").body, "old");

    broken_ = true;
    std::raise(SIGHUP);
    EXPECT_TRUE(log_comes_to_say("line 7")) << error_log();
    EXPECT_EQ(client.fetch("/a").body, "old");

    broken_ = false;
    config_.sites[0].root = "/nothing/here";
    std::raise(SIGHUP);
    EXPECT_TRUE(log_comes_to_say("/nothing/here")) << error_log();
    EXPECT_EQ(client.fetch("/a").body, "old");

    config_.sites[0].root = other.root();
    std::raise(SIGHUP);
    EXPECT_TRUE(log_comes_to_say("has been read again")) << error_log();
    EXPECT_TRUE(comes_true([&] { return client.fetch("/a").body == "new"; }));
}

TEST_F(Server, ReloadOpensAndClosesAddresses) {
    files_.write("a", "x");
    auto first = "unix:" + folder_.path() + "/first";
    auto second = "unix:" + folder_.path() + "/second";
    config_.http = {"127.0.0.1:0", first};
    start();
    EXPECT_EQ(http_client(first).fetch("/a").status, 200);
    config_.http = {"127.0.0.1:0", second};
    std::raise(SIGHUP);
    EXPECT_TRUE(log_comes_to_say("has been read again")) << error_log();
    EXPECT_EQ(http_client(second).fetch("/a").status, 200);
    EXPECT_EQ(http_client(bound_).fetch("/a").status, 200);
    EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/first"));
}

TEST_F(Server, OpensItsLogsAgain) {
    config_.log.access = folder_.path() + "/access.log";
    files_.write("a", "x");
    start();
    std::filesystem::rename(config_.log.access, config_.log.access + ".1");
    std::raise(SIGUSR1);
    EXPECT_TRUE(comes_true([&] { return std::filesystem::exists(config_.log.access); }));
}

TEST_F(Server, AClientThatStaysDoesNotHoldItUpForLongerThanAllowed) {
    config_.drain_timeout_ms = 100;
    files_.write("large", std::string(20'000'000, 'x'));
    start();
    http_client stuck(bound_, 4096);
    stuck.get("/large");
    EXPECT_EQ(http_client(bound_).fetch("/large", "Range: bytes=0-0\r\n").status, 206);
    auto begun = std::chrono::steady_clock::now();
    end();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(3));
    EXPECT_NE(error_log().find("before they had ended"), std::string::npos) << error_log();
}

// A disk that does not answer holds a thread; the server goes as soon as it does.
TEST_F(Server, EndsWhileADiskIsWaitedFor) {
    config_.drain_timeout_ms = 50;
    files_.write("a", "x");
    start();
    http_client client(bound_);
    std::atomic<bool> begun{false}, held{true};
    support::fault_rules faults(script_);
    faults->fail(sys::call::open, EAGAIN, 1);
    faults->before(sys::call::pread, [&] {
        begun = true;
        while (held)
            std::this_thread::yield();
    });
    client.get("/a");
    ASSERT_TRUE(comes_true([&] { return begun.load(); }));
    std::raise(SIGTERM);
    main_.join();  // the loops have gone
    std::thread answer([&] { held = false; });
    server_.reset();
    answer.join();
    EXPECT_EQ(client.read_to_end(), "");
}

}  // namespace
}  // namespace sluice::http
