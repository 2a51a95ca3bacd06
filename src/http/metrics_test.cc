#include "http/metrics.h"

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

// The samples of an exposition by their name with labels, and the type of each family.
struct exposed {
    std::map<std::string, double> samples;
    std::map<std::string, std::string> types;
};

// Format 0.0.4, read strictly.
exposed parse(const std::string& text) {
    exposed made;
    const std::regex sample(R"re(([a-z_]+)(\{([a-z]+="[^"\n\\]*",?)+\})? ([-+0-9.e]+|\+Inf))re");
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
        if (line.starts_with("# HELP ")) continue;
        if (line.starts_with("# TYPE ")) {
            auto rest = line.substr(7);
            auto name = rest.substr(0, rest.find(' '));
            EXPECT_TRUE(made.types.emplace(name, rest.substr(rest.find(' ') + 1)).second) << line;
            continue;
        }
        std::smatch found;
        if (!std::regex_match(line, found, sample)) {
            ADD_FAILURE() << "not a sample: " << line;
            continue;
        }
        auto name = line.substr(0, line.rfind(' '));
        EXPECT_TRUE(made.samples.emplace(name, std::stod(found[4].str())).second) << line;
    }
    return made;
}

exposed expose(std::vector<const loop_metrics*> loops, std::vector<limit_use> limits = {},
               std::uint64_t dropped = 0) {
    return parse(metrics_text(loops, limits, dropped));
}

TEST(Metrics, CountsRequestsByCodeAndMethodOverAllLoops) {
    loop_metrics one, two;
    one.count_request(request_method::get, 200, 1000);
    two.count_request(request_method::get, 200, 1000);
    two.count_request(request_method::other, 501, 1000);
    auto made = expose({&one, &two});
    EXPECT_EQ(made.samples["sluice_http_requests_total{code=\"200\",method=\"GET\"}"], 2);
    EXPECT_EQ(made.samples["sluice_http_requests_total{code=\"501\",method=\"other\"}"], 1);
    EXPECT_EQ(made.types["sluice_http_requests_total"], "counter");
}

// Every status that the server answers has a counter.
TEST(Metrics, EveryStatusIsCounted) {
    for (int status : {200, 204, 206, 301, 304, 400, 403, 404, 405, 408,
                       412, 413, 414, 416, 417, 431, 500, 501, 503, 505}) {
        loop_metrics loop;
        loop.count_request(request_method::get, status, 1);
        auto name =
            "sluice_http_requests_total{code=\"" + std::to_string(status) + "\",method=\"GET\"}";
        EXPECT_EQ(expose({&loop}).samples[name], 1) << status;
    }
}

TEST(Metrics, TheHistogramAddsUp) {
    loop_metrics loop;
    constexpr std::int64_t ms = 1'000'000;
    for (std::int64_t took : {std::int64_t{0}, 1 * ms, 1 * ms + 1000, 40 * ms, 20000 * ms})
        loop.count_request(request_method::get, 200, took);
    auto made = expose({&loop});
    const std::string name = "sluice_http_request_duration_seconds";
    EXPECT_EQ(made.types[name], "histogram");
    EXPECT_EQ(made.samples[name + "_count"], 5);
    EXPECT_NEAR(made.samples[name + "_sum"], 20.042, 1e-5);
    EXPECT_EQ(made.samples[name + "_bucket{le=\"0.001\"}"], 2);  // the bound belongs to it
    EXPECT_EQ(made.samples[name + "_bucket{le=\"0.05\"}"], 4);
    EXPECT_EQ(made.samples[name + "_bucket{le=\"10\"}"], 4);
    EXPECT_EQ(made.samples[name + "_bucket{le=\"+Inf\"}"], 5);
}

TEST(Metrics, ConnectionsLimitsAndLosses) {
    loop_metrics loop;
    loop.connections[static_cast<std::size_t>(phase::idle)].add(3);
    loop.accepted.add(9);
    loop.evicted.add(2);
    loop.refused.add(1);
    auto made = expose({&loop}, {{"connections", 10000, 3}}, 7);
    EXPECT_EQ(made.samples["sluice_http_connections{state=\"idle\"}"], 3);
    EXPECT_EQ(made.samples["sluice_http_connections{state=\"sending\"}"], 0);
    EXPECT_EQ(made.samples["sluice_http_connections_accepted_total"], 9);
    EXPECT_EQ(made.samples["sluice_http_connections_evicted_total"], 2);
    EXPECT_EQ(made.samples["sluice_http_connections_refused_total"], 1);
    EXPECT_EQ(made.samples["sluice_access_log_dropped_total"], 7);
    EXPECT_EQ(made.samples["sluice_limit{name=\"connections\"}"], 10000);
    EXPECT_EQ(made.samples["sluice_limit_used{name=\"connections\"}"], 3);
}

TEST(Metrics, CountersGoUpAndDown) {
    loop_counter counter;
    counter.add(5);
    counter.subtract(2);
    EXPECT_EQ(counter.get(), 3u);
    counter.set(9);
    EXPECT_EQ(counter.get(), 9u);
}

TEST(Metrics, NothingYetIsValidTextToo) {
    auto made = expose({});
    EXPECT_EQ(made.samples["sluice_copied_bytes_per_byte_sent"],
              made.samples["sluice_copied_bytes_per_byte_sent"]);  // not NaN
    EXPECT_EQ(made.samples.count("sluice_stall_seconds_total"), 1u);
}

// docs/serve.md has every family and no other.
TEST(Metrics, AreThoseOfTheContract) {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/serve.md");
    ASSERT_TRUE(file);
    std::ostringstream text;
    text << file.rdbuf();
    auto contract = text.str();
    std::set<std::string> documented;
    std::regex name("sluice_[a-z_]+");
    for (std::sregex_iterator at(contract.begin(), contract.end(), name), end; at != end; ++at)
        documented.insert(at->str());
    std::set<std::string> exposed_names;
    for (const auto& [family, type] : expose({}).types)
        exposed_names.insert(family);
    EXPECT_EQ(exposed_names, documented);
}

}  // namespace
}  // namespace sluice::http
