// file_service.h: answers requests with the files of the sites.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "http/handler.h"
#include "http/resource_cache.h"
#include "http/site.h"

namespace sluice::http {

class file_service final : public handler {
  public:
    file_service(std::shared_ptr<const site_set> sites, response_head& heads, cache_limits limits);

    [[nodiscard]] std::optional<blocking_work> answer(exchange& x, chain& out) override;

    // From the next request on; requests under way keep the sites they began with.
    void use(std::shared_ptr<const site_set> sites, cache_limits limits);
    [[nodiscard]] resource_cache& cache() noexcept { return cache_; }

  private:
    [[nodiscard]] bool answer_from_cache(exchange& x, chain& out);
    [[nodiscard]] std::optional<blocking_work> begin_search(exchange& x, chain& out);
    [[nodiscard]] std::optional<blocking_work> search(exchange& x, chain& out);
    [[nodiscard]] load_outcome look_up(exchange& x);
    // Turns to the fallback page or an error page; false when only the built-in page is left.
    [[nodiscard]] bool turn_to_other_page(exchange::search& lookup, int status);

    void send_file(exchange& x, const site& from, const resource& which, int status, chain& out);
    void send_ranges(exchange& x, const representation& put, const resource& which,
                     std::string_view cors, chain& out);
    void send_redirect(exchange& x, chain& out);
    void send_options(exchange& x, chain& out);
    void send_error(exchange& x, int status, chain& out);
    [[nodiscard]] std::optional<blocking_work> send_listing(exchange& x, chain& out);

    std::shared_ptr<const site_set> sites_;
    response_head& heads_;
    resource_cache cache_;
};

}  // namespace sluice::http
