// logs.h: the access log and the error log, written by a thread of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sluice/result.h>

#include "http/config.h"

namespace sluice::http {

// Both logs of a server. Whoever logs only puts text into a bounded queue; the loops never wait for
// a disk. What the queue or the disk cannot take is dropped and counted, and the error log says so.
// Any thread.
class logs {
  public:
    // Opens the files. The error names the one that cannot be opened.
    [[nodiscard]] static result<std::unique_ptr<logs>> open(const log_config& config);
    ~logs();

    // Opens the files again by their names (after log rotation), or others after a reload.
    [[nodiscard]] result<void> reopen(const log_config& config);

    void write(log_level level, std::string_view message);
    // Whole lines for the access log, `count` of them.
    void write_access(std::string_view lines, std::uint64_t count);

    [[nodiscard]] bool access_wanted() const noexcept {
        return access_wanted_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] access_format format() const noexcept {
        return format_.load(std::memory_order_relaxed);
    }
    // Lines of the access log that were dropped.
    [[nodiscard]] std::uint64_t dropped() const noexcept;

    class backend;

  private:
    explicit logs(std::unique_ptr<backend> inner);
    std::unique_ptr<backend> inner_;
    std::atomic<bool> access_wanted_{false};
    std::atomic<access_format> format_{access_format::combined};
};

}  // namespace sluice::http
