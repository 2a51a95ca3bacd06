#include "http/metrics.h"

#include <algorithm>
#include <limits>
#include <system_error>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sluice/ledger.h>

namespace sluice::http {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using labels = std::vector<ClientMetric::Label>;

class exposition {
  public:
    exposition() { families_.reserve(64); }  // so that references to families stay true
    MetricFamily& family(const char* name, const char* help, MetricType type) {
        families_.push_back({name, help, type, {}});
        return families_.back();
    }
    void counter(const char* name, const char* help, std::uint64_t value) {
        add(family(name, help, MetricType::Counter), {}, static_cast<double>(value));
    }
    static void add(MetricFamily& to, labels with, double value) {
        ClientMetric metric;
        metric.label = std::move(with);
        // The text of a counter and of a gauge are alike; the family says which it is.
        metric.counter.value = value;
        metric.gauge.value = value;
        to.metric.push_back(std::move(metric));
    }
    [[nodiscard]] std::string text() const {
        return prometheus::TextSerializer().Serialize(families_);
    }

  private:
    std::vector<MetricFamily> families_;
};

template <typename Read>
std::uint64_t sum(std::span<const loop_metrics* const> loops, Read read) {
    std::uint64_t total = 0;
    for (const auto* each : loops)
        total += read(*each);
    return total;
}

void add_requests(exposition& out, std::span<const loop_metrics* const> loops) {
    auto& family =
        out.family("sluice_http_requests_total", "Requests answered.", MetricType::Counter);
    for (std::size_t method = 0; method < request_method_count; ++method) {
        for (std::size_t status = 0; status < counted_statuses.size(); ++status) {
            auto count =
                sum(loops, [&](const auto& each) { return each.requests[method][status].get(); });
            if (count == 0) continue;
            out.add(family,
                    {{"code", std::to_string(counted_statuses[status])},
                     {"method", std::string(name_of(static_cast<request_method>(method)))}},
                    static_cast<double>(count));
        }
    }
}

void add_durations(exposition& out, std::span<const loop_metrics* const> loops) {
    auto& family = out.family("sluice_http_request_duration_seconds",
                              "Time from the head of a request to the end of its response.",
                              MetricType::Histogram);
    ClientMetric metric;
    std::uint64_t below = 0;
    for (std::size_t at = 0; at <= duration_bounds_us.size(); ++at) {
        below += sum(loops, [&](const auto& each) { return each.durations[at].get(); });
        double bound = at < duration_bounds_us.size()
                           ? static_cast<double>(duration_bounds_us[at]) / 1e6
                           : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({below, bound});
    }
    metric.histogram.sample_count = below;
    metric.histogram.sample_sum =
        static_cast<double>(
            sum(loops, [](const auto& each) { return each.duration_sum_ns.get(); })) /
        1e9;
    family.metric.push_back(std::move(metric));
}

void add_connections(exposition& out, std::span<const loop_metrics* const> loops) {
    auto& now = out.family("sluice_http_connections", "Open connections.", MetricType::Gauge);
    for (std::size_t at = 0; at < phase_count; ++at) {
        auto count = sum(loops, [&](const auto& each) { return each.connections[at].get(); });
        out.add(now, {{"state", phase_names[at]}}, static_cast<double>(count));
    }
    auto total = [&](const char* name, const char* help, loop_counter loop_metrics::*which) {
        out.counter(name, help, sum(loops, [&](const auto& each) { return (each.*which).get(); }));
    };
    total("sluice_http_connections_accepted_total", "Connections accepted.",
          &loop_metrics::accepted);
    total("sluice_http_connections_evicted_total", "Connections closed to make room for others.",
          &loop_metrics::evicted);
    total("sluice_http_connections_refused_total", "Connections refused with 503.",
          &loop_metrics::refused);
}

void add_mechanisms(exposition& out, const process_costs& costs) {
    auto each = [&](const char* name, const char* help, std::uint64_t mechanism_cost::*which) {
        auto& family = out.family(name, help, MetricType::Counter);
        for (const auto& way : mechanism_table) {
            auto value = costs.by_mechanism[static_cast<std::size_t>(way.id)].*which;
            out.add(family, {{"mechanism", std::string(way.name)}}, static_cast<double>(value));
        }
    };
    each("sluice_transfer_bytes_total", "Bytes sent.", &mechanism_cost::bytes);
    each("sluice_transfer_calls_total", "System calls made to send.", &mechanism_cost::calls);
    each("sluice_transfer_would_block_total", "Calls that the socket was not ready for.",
         &mechanism_cost::would_blocks);
    auto& copied = out.family("sluice_transfer_copied_bytes_total",
                              "Bytes copied by the CPU for sending.", MetricType::Counter);
    for (const auto& way : mechanism_table) {
        const auto& cost = costs.by_mechanism[static_cast<std::size_t>(way.id)];
        std::string name(way.name);
        out.add(copied, {{"mechanism", name}, {"where", "user_kernel"}},
                static_cast<double>(cost.copied_user_kernel));
        out.add(copied, {{"mechanism", name}, {"where", "user"}},
                static_cast<double>(cost.copied_user));
    }
}

void add_costs(exposition& out, const process_costs& costs) {
    add_mechanisms(out, costs);
    mechanism_cost total;
    for (const auto& each : costs.by_mechanism)
        total += each;
    auto copied = static_cast<double>(total.copied_user_kernel + total.copied_user);
    auto& ratio = out.family("sluice_copied_bytes_per_byte_sent",
                             "Copies by the CPU for each byte sent.", MetricType::Gauge);
    out.add(ratio, {}, total.bytes == 0 ? 0 : copied / static_cast<double>(total.bytes));
    out.counter("sluice_cold_chunks_total", "Chunks of files that were not in the page cache.",
                costs.cold_chunks);
    out.counter("sluice_stalls_total", "Calls on files that took longer than 1 ms.", costs.stalls);
    auto& stalled =
        out.family("sluice_stall_seconds_total", "Time of those calls.", MetricType::Counter);
    out.add(stalled, {}, static_cast<double>(costs.stalled_ns) / 1e9);
    auto& fallbacks =
        out.family("sluice_fallbacks_total", "Mechanisms that did not work and were replaced.",
                   MetricType::Counter);
    for (std::size_t from = 0; from < mechanism_count; ++from) {
        for (std::size_t to = 0; to < mechanism_count; ++to) {
            if (costs.fallbacks[from][to] == 0) continue;
            out.add(fallbacks,
                    {{"from", std::string(mechanism_table[from].name)},
                     {"to", std::string(mechanism_table[to].name)},
                     {"reason", std::generic_category().message(costs.last_reason[from])}},
                    static_cast<double>(costs.fallbacks[from][to]));
        }
    }
}

void add_limits(exposition& out, std::span<const limit_use> limits) {
    auto& limit = out.family("sluice_limit", "Configured limits.", MetricType::Gauge);
    for (const auto& each : limits)
        out.add(limit, {{"name", each.name}}, each.limit);
    auto& used =
        out.family("sluice_limit_used", "How much of each limit is used.", MetricType::Gauge);
    for (const auto& each : limits)
        out.add(used, {{"name", each.name}}, each.used);
}

}  // namespace

void loop_metrics::count_request(request_method method, int status,
                                 std::int64_t duration_ns) noexcept {
    auto found = std::ranges::find(counted_statuses, status);
    if (found != counted_statuses.end()) {
        auto index = static_cast<std::size_t>(found - counted_statuses.begin());
        requests[static_cast<std::size_t>(method)][index].add();
    }
    auto bound = std::ranges::lower_bound(duration_bounds_us, duration_ns / 1000);
    durations[static_cast<std::size_t>(bound - duration_bounds_us.begin())].add();
    duration_sum_ns.add(static_cast<std::uint64_t>(duration_ns));
}

std::string metrics_text(std::span<const loop_metrics* const> loops,
                         std::span<const limit_use> limits, std::uint64_t log_lines_dropped) {
    exposition out;
    add_requests(out, loops);
    add_durations(out, loops);
    add_connections(out, loops);
    add_costs(out, costs_of_process());
    out.counter("sluice_access_log_dropped_total",
                "Lines of the access log that could not be written.", log_lines_dropped);
    add_limits(out, limits);
    return out.text();
}

}  // namespace sluice::http
