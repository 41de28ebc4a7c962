// A folder for the length of one command: made for this user alone, gone when the command ends. What a killed command
// left behind is removed by the next one.
#pragma once

#include "net/rt/failure.hpp"

#include <memory>
#include <string>

namespace lakeferry::daemon {

class scratch_folder {
public:
    // Below $TMPDIR, else /tmp; named <prefix>-XXXXXX. Failure "scratch.not_made" (never).
    static rt::outcome<std::unique_ptr<scratch_folder>> make(const std::string& prefix);
    ~scratch_folder();
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;

    const std::string& path() const noexcept { return path_; }

private:
    scratch_folder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

    std::string path_;
    int lock_;  // held as long as somebody uses the folder
};

}  // namespace lakeferry::daemon
