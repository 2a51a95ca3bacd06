// server.h: the file server: loops, listeners, signals, reload.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include <sluice/result.h>

#include "http/config.h"

namespace sluice::http {

class server {
  public:
    // Reads the configuration again, for SIGHUP; or says what is wrong with it.
    using config_reader = std::function<std::expected<server_config, std::string>()>;

    // Opens roots, logs and addresses. When it returns, connections are accepted by the kernel;
    // run() serves them. The error names the object that is the trouble.
    [[nodiscard]] static result<std::unique_ptr<server>> open(server_config config,
                                                              config_reader reread);
    ~server();

    // "ready http=127.0.0.1:8080 admin=127.0.0.1:9090": the addresses in use.
    [[nodiscard]] std::string ready_line() const;

    // Serves until SIGTERM or SIGINT has come and connections have been drained. In the main
    // thread.
    void run();

  private:
    class running;
    explicit server(std::unique_ptr<running> inner);
    std::unique_ptr<running> inner_;
};

}  // namespace sluice::http
