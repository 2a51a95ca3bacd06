#include "http/logs.h"

#include <algorithm>
#include <mutex>

#include <fcntl.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include "sys/clock.h"
#include "sys/files.h"
#include "sys/io.h"

namespace sluice::http {

namespace {

constexpr std::size_t queue_messages = 4096;  // an access message is a batch of lines
constexpr std::int64_t complaint_interval_ns = 10'000'000'000;
constexpr int standard_output = 1;
constexpr int standard_error = 2;

spdlog::level::level_enum level_of(log_level level) {
    switch (level) {
        case log_level::error:
            return spdlog::level::err;
        case log_level::warning:
            return spdlog::level::warn;
        case log_level::info:
            return spdlog::level::info;
        case log_level::debug:
            return spdlog::level::debug;
    }
    return spdlog::level::info;
}

// A log file that can be opened again, and that counts what it could not write instead of throwing.
class reopenable_sink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    // `standard` is the descriptor that "-" stands for.
    explicit reopenable_sink(int standard) : standard_(standard) {}

    // Opening and using are two steps, so that of two files either both are used or none.
    static result<unique_fd> open(const std::string& path) {
        if (path.empty() || path == "-") return unique_fd();
        return sys::open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0644);
    }
    void use(unique_fd opened, const std::string& path) {
        std::scoped_lock lock(mutex_);
        file_ = std::move(opened);
        path_ = path;
    }
    // Lines that could not be written since the last call, and why.
    struct loss {
        std::uint64_t lines = 0;
        std::string reason;
    };
    loss take_loss() {
        std::scoped_lock lock(loss_mutex_);
        return std::exchange(loss_, {});
    }

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        if (path_.empty()) return;
        spdlog::memory_buf_t text;
        formatter_->format(message, text);
        auto rest = as_bytes({text.data(), text.size()});
        int fd = file_ ? file_.get() : standard_;
        while (!rest.empty()) {
            auto written = sys::write(fd, rest);
            if (!written || written->bytes == 0)
                return note_loss(rest, written ? "would block" : written.error().code().message());
            rest = rest.subspan(written->bytes);
        }
    }
    void note_loss(bytes_view lost, const std::string& reason) {
        std::scoped_lock lock(loss_mutex_);
        loss_.lines += static_cast<std::uint64_t>(std::ranges::count(as_text(lost), '\n'));
        loss_.reason = path_ + ": " + reason;
    }
    void flush_() override {}

    int standard_;
    std::string path_;
    unique_fd file_;
    std::mutex loss_mutex_;  // its own: the other one is held while a disk is written to
    loss loss_;
};

}  // namespace

class logs::backend {
  public:
    backend()
        : pool_(std::make_shared<spdlog::details::thread_pool>(queue_messages, 1)),
          access_sink_(std::make_shared<reopenable_sink>(standard_output)),
          error_sink_(std::make_shared<reopenable_sink>(standard_error)),
          access_(make("access", access_sink_)),
          error_(make("error", error_sink_)) {
        access_->set_pattern("%v");
        error_->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
    }

    result<void> open(const log_config& config) {
        auto error = reopenable_sink::open(config.error);
        if (!error) return failure(std::move(error));
        auto access = reopenable_sink::open(config.access);
        if (!access) return failure(std::move(access));
        error_sink_->use(*std::move(error), config.error);
        access_sink_->use(*std::move(access), config.access);
        error_->set_level(level_of(config.level));
        return {};
    }

    void write(log_level level, std::string_view message) { error_->log(level_of(level), message); }

    void write_access(std::string_view lines, std::uint64_t count) {
        // Counted here, where the number of lines is known, rather than by the queue, which would
        // drop the oldest.
        if (pool_->queue_size() >= queue_messages - 64) {
            note_loss({count, "the queue is full"});
        } else {
            lines.remove_suffix(lines.ends_with('\n') ? 1 : 0);
            access_->info(lines);
        }
        if (auto loss = access_sink_->take_loss(); loss.lines > 0) note_loss(loss);
    }

    [[nodiscard]] std::uint64_t dropped() {
        if (auto loss = access_sink_->take_loss(); loss.lines > 0) note_loss(loss);
        return dropped_.load(std::memory_order_relaxed);
    }

  private:
    std::shared_ptr<spdlog::async_logger> make(const char* name,
                                               std::shared_ptr<reopenable_sink> sink) {
        return std::make_shared<spdlog::async_logger>(
            name, std::move(sink), pool_, spdlog::async_overflow_policy::overrun_oldest);
    }

    // Says at once that lines are lost, and then at most every ten seconds how many.
    void note_loss(const reopenable_sink::loss& loss) {
        dropped_.fetch_add(loss.lines, std::memory_order_relaxed);
        auto now = sys::monotonic_ns();
        auto last = last_complaint_ns_.load(std::memory_order_relaxed);
        if (last != 0 && now - last < complaint_interval_ns) return;
        if (!last_complaint_ns_.compare_exchange_strong(last, now)) return;
        error_->error("access log: lines dropped, {} so far: {}",
                      dropped_.load(std::memory_order_relaxed), loss.reason);
    }

    std::shared_ptr<spdlog::details::thread_pool> pool_;
    std::shared_ptr<reopenable_sink> access_sink_;
    std::shared_ptr<reopenable_sink> error_sink_;
    std::shared_ptr<spdlog::async_logger> access_;
    std::shared_ptr<spdlog::async_logger> error_;
    std::atomic<std::uint64_t> dropped_{0};
    std::atomic<std::int64_t> last_complaint_ns_{0};
};

logs::logs(std::unique_ptr<backend> inner) : inner_(std::move(inner)) {}
logs::~logs() = default;

result<std::unique_ptr<logs>> logs::open(const log_config& config) {
    std::unique_ptr<logs> made(new logs(std::make_unique<backend>()));
    if (auto opened = made->reopen(config); !opened) return failure(std::move(opened));
    return made;
}

result<void> logs::reopen(const log_config& config) {
    if (auto opened = inner_->open(config); !opened) return opened;
    format_.store(config.format, std::memory_order_relaxed);
    access_wanted_.store(!config.access.empty(), std::memory_order_relaxed);
    return {};
}

void logs::write(log_level level, std::string_view message) {
    inner_->write(level, message);
}

void logs::write_access(std::string_view lines, std::uint64_t count) {
    inner_->write_access(lines, count);
}

std::uint64_t logs::dropped() const noexcept {
    return inner_->dropped();
}

}  // namespace sluice::http
