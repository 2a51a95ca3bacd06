#include "http/server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <boost/asio/signal_set.hpp>

#include "http/addresses.h"
#include "http/logs.h"
#include "http/media_types.h"
#include "http/serving_loop.h"
#include "http/site.h"
#include "net/inherited_sockets.h"
#include "sys/descriptors.h"

namespace sluice::http {

namespace {

constexpr std::size_t lookup_threads = 2;
constexpr std::string_view admin_socket_name = "admin";

loop_limits limits_for(const server_config& config, std::size_t loops) {
    const auto& all = config.limits;
    auto share_of = [&](auto total) { return std::max<decltype(total)>(total / loops, 1); };
    return {.each = all,
            .connections = share_of(all.connections),
            .cache = {.descriptors = share_of(all.cache_files),
                      .entries = share_of(all.cache_files) * 8,
                      .bytes = share_of(all.cache_bytes)},
            .forced = config.forced};
}

std::size_t loops_for(const server_config& config) {
    return config.threads > 0 ? config.threads : std::max(std::thread::hardware_concurrency(), 1U);
}

}  // namespace

class server::running {
  public:
    running(server_config config, config_reader reread, std::unique_ptr<logs> log,
            std::shared_ptr<const media_types> types)
        : config_(std::move(config)),
          reread_(std::move(reread)),
          log_(std::move(log)),
          types_(std::move(types)),
          loop_count_(loops_for(config_)),
          disk_(config_.limits.cold_reads),
          lookups_(lookup_threads) {}

    ~running() {
        for (auto& each : loops_)
            each->stop();
        for (auto& each : loops_)
            each->join();
        for (const auto& each : open_)
            remove_own_path(each);
        if (admin_is_ours_) remove_path(admin_);
    }

    result<void> start(std::shared_ptr<const site_set> sites) {
        shared_parts shared{*log_, disk_, lookups_, draining_, [this] { return metrics(); }};
        for (std::size_t at = 0; at < loop_count_; ++at)
            loops_.push_back(
                std::make_unique<serving_loop>(shared, sites, limits_for(config_, loop_count_)));
        if (auto opened = open_addresses(); !opened) return opened;
        // From here on, and not only in run(): one that comes right after the ready line counts.
        for (int each : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
            signals_.add(each);
        for (auto& each : loops_)
            each->start();
        return {};
    }

    [[nodiscard]] std::string ready_line() const {
        std::string line = "ready", separator = " http=";
        for (const auto& each : open_) {
            line.append(separator).append(each.bound);
            separator = ",";
        }
        if (!admin_.empty()) line.append(" admin=").append(admin_);
        return line;
    }

    void run() {
        net::asio::co_spawn(control_, handle_signals(), net::asio::detached);
        control_.run();
    }

  private:
    // ---- addresses ----

    result<void> open_addresses() {
        auto inherited = net::take_inherited_sockets();
        for (auto& each : inherited) {
            bool for_admin = each.name == admin_socket_name;
            auto shared = share(std::move(each.socket), for_admin ? 1 : loop_count_);
            if (!shared) return failure(std::move(shared));
            for_admin ? add_admin(*std::move(shared)) : add(*std::move(shared));
        }
        if (open_.empty()) {
            for (const auto& address : config_.http) {
                if (auto added = open_address(address); !added) return added;
            }
        }
        if (admin_.empty() && !config_.admin.empty()) {
            auto made = listen_on(config_.admin, 1);
            if (!made) return failure(std::move(made));
            add_admin(*std::move(made));
        }
        return {};
    }

    result<void> open_address(const std::string& address) {
        auto made = listen_on(address, loop_count_);
        if (!made) return failure(std::move(made));
        add(*std::move(made));
        return {};
    }

    void add(listening made) {
        for (std::size_t at = 0; at < loop_count_; ++at)
            hand_over(at, std::move(made.sockets[at]), false);
        made.sockets.clear();
        open_.push_back(std::move(made));
    }

    void add_admin(listening made) {
        admin_ = made.bound;
        admin_is_ours_ = !made.wanted.empty();
        hand_over(0, std::move(made.sockets.front()), true);
    }

    void hand_over(std::size_t loop, unique_fd socket, bool admin) {
        auto shared = std::make_shared<unique_fd>(std::move(socket));
        auto* to = loops_[loop].get();
        to->post([to, shared, admin] { to->listen(std::move(*shared), admin); });
    }

    // The path of a socket that was inherited belongs to whoever made it.
    static void remove_own_path(const listening& address) noexcept {
        if (!address.wanted.empty()) remove_path(address.bound);
    }

    // ---- signals ----

    net::task<void> handle_signals() {
        while (true) {
            int number = co_await signals_.async_wait(net::use_task);
            if (number == SIGHUP) {
                reload();
            } else if (number == SIGUSR1) {
                reopen_logs();
            } else {
                break;
            }
        }
        co_await drain();
    }

    void reopen_logs() {
        if (auto opened = log_->reopen(config_.log); !opened)
            log_->write(log_level::error, opened.error().message());
    }

    void reload() {
        auto problem = reload_problem();
        if (problem.empty()) {
            log_->write(log_level::info, "the configuration has been read again");
        } else {
            log_->write(log_level::error, "the configuration stays as it was: " + problem);
        }
    }

    // Reads and applies the configuration; what is wrong with it, or nothing.
    std::string reload_problem() {
        auto config = reread_();
        if (!config) return config.error();
        auto applied = apply(*std::move(config));
        return applied ? std::string() : applied.error().message();
    }

    // Everything that can fail comes first, so that a configuration is taken as a whole or not at
    // all.
    result<void> apply(server_config config) {
        auto sites = site_set::open(config, types_);
        if (!sites) return failure(std::move(sites));
        auto added = open_added(config.http);
        if (!added) return failure(std::move(added));
        if (auto opened = log_->reopen(config.log); !opened) return opened;
        auto limits = limits_for(config, loop_count_);
        for (auto& each : loops_)
            each->post([to = each.get(), sites = *sites, limits] { to->use(sites, limits); });
        if (!are_inherited()) close_addresses_not_in(config.http);
        for (auto& each : *added)
            add(std::move(each));
        std::scoped_lock lock(config_mutex_);
        config_ = std::move(config);
        return {};
    }

    // Sockets that were passed in are used instead of the configured addresses, whatever those are.
    [[nodiscard]] bool are_inherited() const {
        return std::ranges::any_of(open_, [](const auto& each) { return each.wanted.empty(); });
    }

    [[nodiscard]] result<std::vector<listening>> open_added(
        const std::vector<std::string>& wanted) const {
        std::vector<listening> added;
        for (const auto& address : wanted) {
            if (are_inherited() || is_open(address)) continue;
            auto made = listen_on(address, loop_count_);
            if (!made) return failure(std::move(made));
            added.push_back(*std::move(made));
        }
        return added;
    }

    [[nodiscard]] bool is_open(const std::string& address) const {
        return std::ranges::any_of(open_, [&](const auto& each) { return each.wanted == address; });
    }

    void close_addresses_not_in(const std::vector<std::string>& wanted) {
        std::erase_if(open_, [&](const listening& each) {
            bool keep =
                each.wanted.empty() || std::ranges::find(wanted, each.wanted) != wanted.end();
            if (keep) return false;
            for (auto& loop : loops_)
                loop->post([to = loop.get(), bound = each.bound] { to->stop_listening(bound); });
            remove_own_path(each);
            return true;
        });
    }

    // ---- the end ----

    net::task<void> drain() {
        draining_ = true;
        net::timer limit(control_.get_executor());
        limit.expires_after(std::chrono::milliseconds(config_.drain_timeout_ms));
        auto left = std::make_shared<std::size_t>(loops_.size());
        auto drained = [this, left, &limit] {
            net::asio::post(control_, [left, &limit] {
                if (--*left == 0) limit.cancel();
            });
        };
        for (auto& each : loops_)
            each->post([to = each.get(), drained] { to->drain(drained); });
        co_await limit.async_wait(net::as_result);
        if (*left > 0)
            log_->write(log_level::warning, "connections were closed before they had ended");
        for (auto& each : loops_)
            each->stop();
        for (auto& each : loops_)
            each->join();
        control_.stop();
    }

    // ---- metrics ----

    [[nodiscard]] std::string metrics() const {
        std::vector<const loop_metrics*> each;
        for (const auto& loop : loops_)
            each.push_back(&loop->metrics());
        return metrics_text(each, limits_in_use(each), log_->dropped());
    }

    [[nodiscard]] std::vector<limit_use> limits_in_use(
        const std::vector<const loop_metrics*>& loops) const {
        std::uint64_t connections = 0, bytes = 0, files = 0;
        for (const auto* each : loops) {
            for (const auto& count : each->connections)
                connections += count.get();
            bytes += each->cache_bytes.get();
            files += each->cache_files.get();
        }
        std::scoped_lock lock(config_mutex_);
        const auto& limits = config_.limits;
        auto use = [](const char* name, auto limit, auto used) {
            return limit_use{name, static_cast<double>(limit), static_cast<double>(used)};
        };
        return {use("connections", limits.connections, connections),
                use("cache_bytes", limits.cache_bytes, bytes),
                use("cache_files", limits.cache_files, files),
                use("cold_reads", disk_.threads(), std::min(disk_.in_use(), disk_.threads())),
                use("descriptors", descriptors_, sys::open_descriptors())};
    }

    server_config config_;
    mutable std::mutex
        config_mutex_;  // the main thread changes it, the admin listener's loop reads it
    config_reader reread_;
    std::unique_ptr<logs> log_;
    std::shared_ptr<const media_types> types_;
    std::size_t loop_count_;
    std::size_t descriptors_ = sys::raise_descriptor_limit();
    std::atomic<bool> draining_{false};
    net::asio::io_context control_{1};
    net::asio::signal_set signals_{control_};
    std::vector<std::unique_ptr<serving_loop>> loops_;
    // Behind the loops, so that they end before: what still runs in them goes back to its loop.
    net::workers disk_;
    net::workers lookups_;
    std::vector<listening> open_;
    std::string admin_;
    bool admin_is_ours_ = false;
};

server::server(std::unique_ptr<running> inner) : inner_(std::move(inner)) {}
server::~server() = default;

result<std::unique_ptr<server>> server::open(server_config config, config_reader reread) {
    sys::ignore_broken_pipes();
    auto log = logs::open(config.log);
    if (!log) return failure(std::move(log));
    auto types = media_types::load();
    if (!types) return failure(std::move(types));
    auto shared_types = std::make_shared<const media_types>(*std::move(types));
    auto sites = site_set::open(config, shared_types);
    if (!sites) return failure(std::move(sites));
    auto inner = std::make_unique<running>(std::move(config), std::move(reread), *std::move(log),
                                           shared_types);
    if (auto started = inner->start(*sites); !started) return failure(std::move(started));
    return std::unique_ptr<server>(new server(std::move(inner)));
}

std::string server::ready_line() const {
    return inner_->ready_line();
}

void server::run() {
    inner_->run();
}

}  // namespace sluice::http
