// admin.h: the admin listener: metrics and health.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "http/handler.h"

namespace sluice::http {

// Answers /metrics with the text that `metrics` makes and /healthz with "ok", or 503 once
// `draining`.
class admin_service final : public handler {
  public:
    admin_service(std::function<std::string()> metrics, const std::atomic<bool>& draining,
                  response_head& heads)
        : metrics_(std::move(metrics)), draining_(draining), heads_(heads) {}

    [[nodiscard]] std::optional<blocking_work> answer(exchange& x, chain& out) override;
    [[nodiscard]] bool is_public() const noexcept override { return false; }

  private:
    std::function<std::string()> metrics_;
    const std::atomic<bool>& draining_;
    response_head& heads_;
};

}  // namespace sluice::http
