// site.h: a site as configured, made ready for requests.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/result.h>
#include <sluice/unique_fd.h>

#include "http/config.h"
#include "http/field_list.h"
#include "http/host.h"
#include "http/media_types.h"
#include "http/path_pattern.h"

namespace sluice::http {

// What answers for a set of host names: a root directory and how its files are served. Immutable,
// so that all loops and the threads that load files may use it at once.
class site {
  public:
    // Opens the root. The error names the root, or the pattern that is none.
    [[nodiscard]] static result<site> open(site_config config);

    [[nodiscard]] const site_config& config() const noexcept { return config_; }
    [[nodiscard]] int root() const noexcept { return root_.get(); }
    // How closely a name of this site fits the host.
    enum class claim : std::uint8_t { none, wildcard, exact };
    [[nodiscard]] claim claim_to(std::string_view host) const noexcept;

    // Sets the fields that the configuration has for this path; later rules win.
    void apply_header_rules(std::string_view path, field_list& fields) const;
    // The path of the page for an error status.
    [[nodiscard]] const std::string* error_page(int status) const noexcept;

    [[nodiscard]] bool allows_every_origin() const noexcept { return every_origin_; }
    [[nodiscard]] bool allows_origin(std::string_view origin) const noexcept;

  private:
    struct header_setting {
        path_pattern where;
        std::vector<std::pair<std::string, std::string>> set;
    };
    site(site_config config, unique_fd root) : config_(std::move(config)), root_(std::move(root)) {}

    site_config config_;
    unique_fd root_;
    std::vector<host_pattern> hosts_;
    std::vector<header_setting> header_settings_;
    bool every_origin_ = false;
};

// All sites of a configuration. Replaced as a whole when the configuration is read again; requests
// under way keep the one they began with.
struct site_set {
    std::vector<site> sites;  // at least one; the first answers for hosts that no other one claims
    std::shared_ptr<const media_types> types;
    limits_config limits;
    std::optional<mechanism> forced;

    [[nodiscard]] static result<std::shared_ptr<const site_set>> open(
        const server_config& config, std::shared_ptr<const media_types> types);
    [[nodiscard]] const site& for_host(std::string_view host) const;
    // Bodies up to this size are kept in memory. None while a mechanism for files is asked for.
    [[nodiscard]] std::uint64_t small_body_max() const noexcept;
};

}  // namespace sluice::http
