# tests/unit/<folder>/*.cpp is one executable unit_<folder>, linked with that folder's library.
find_package(GTest 1.12 REQUIRED)
include(GoogleTest)
lakeferry_precompile(lakeferry_test_pch LINKS Boost::json GTest::gtest HEADERS <gtest/gtest.h>)

function(lakeferry_test name directory)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${directory}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARGN} lakeferry_options GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE LAKEFERRY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  set_property(TARGET ${name} PROPERTY JOB_POOL_COMPILE heavy)
  lakeferry_precompiled(${name} lakeferry_test_pch)
  # The statements that the daemon sends in tests are kept for tests/workspace/conformance/test_every_statement.py. Those of
  # unit_databricks are any text.
  set(environment "LAKEFERRY_STATEMENTS=${CMAKE_BINARY_DIR}/statements")
  if(name STREQUAL "unit_databricks")
    set(environment "LAKEFERRY_STATEMENTS=")
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 300 ENVIRONMENT "${environment}")
endfunction()

# The test world: virtual clock, seeded network, disk that forgets, scripted workspace.
lakeferry_library(world tests/support/world LINKS lakeferry_rt lakeferry_obs GTest::gtest)
lakeferry_library(fake_net tests/support/fake_net LINKS lakeferry_world lakeferry_http)
lakeferry_library(fake_disk tests/support/fake_disk LINKS lakeferry_world lakeferry_store)
# Stands for the engines that read staged files; written from the format's specification, it judges the writer.
lakeferry_library(parquet_reader tests/support LINKS lakeferry_core ZLIB::ZLIB libzstd)
lakeferry_library(fake_databricks tests/support/fake_databricks
                  LINKS lakeferry_fake_net lakeferry_databricks lakeferry_core lakeferry_parquet_reader)
# Understands the landing's statements, so that simulated runs end with tables that can be compared.
lakeferry_library(landing_model tests/support/landing_model
                  LINKS lakeferry_fake_databricks lakeferry_fake_disk lakeferry_profiles)

lakeferry_test(unit_rt tests/unit/rt lakeferry_rt lakeferry_world)
lakeferry_test(unit_obs tests/unit/obs lakeferry_obs lakeferry_world)
lakeferry_test(unit_http tests/unit/http lakeferry_http lakeferry_fake_net)
lakeferry_test(unit_auth tests/unit/auth lakeferry_auth lakeferry_fake_net)
# rt although their sources need none of it: the precompiled header refers to Asio.
lakeferry_test(unit_systemd tests/unit/systemd lakeferry_systemd lakeferry_rt)
lakeferry_test(unit_core tests/unit/core lakeferry_core)
lakeferry_test(unit_parquet tests/unit/parquet lakeferry_parquet lakeferry_parquet_reader)
lakeferry_test(unit_store tests/unit/store lakeferry_store lakeferry_fake_disk)
lakeferry_test(unit_databricks tests/unit/databricks lakeferry_databricks lakeferry_fake_databricks)
lakeferry_test(unit_intake tests/unit/intake lakeferry_intake lakeferry_fake_disk lakeferry_fake_net)
lakeferry_test(unit_identity tests/unit/identity lakeferry_identity lakeferry_fake_disk)
lakeferry_test(unit_profiles tests/unit/profiles lakeferry_profiles lakeferry_landing_model)
lakeferry_test(unit_config tests/unit/daemon/config lakeferry_config)
lakeferry_test(unit_daemon tests/unit/daemon lakeferry_daemon lakeferry_landing_model)
target_sources(unit_daemon PRIVATE ${CMAKE_SOURCE_DIR}/tests/sim/daemon_world.cpp)
target_compile_definitions(unit_daemon PRIVATE LAKEFERRY_BINARY="$<TARGET_FILE:lakeferry>")
add_dependencies(unit_daemon lakeferry)
lakeferry_test(unit_lint tests/unit/lint lakeferry_rt)
lakeferry_test(sim_landing tests/sim/landing lakeferry_landing_model)
lakeferry_test(sim tests/sim lakeferry_daemon lakeferry_landing_model)

# One source per parser, linked twice: with libFuzzer, and with a plain runner that replays the
# corpus as an ordinary test under any compiler.
file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.cpp)
foreach(source ${fuzzers})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name}_replay ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.cpp)
  target_link_libraries(${name}_replay PRIVATE lakeferry_daemon lakeferry_options)
  add_test(NAME ${name}_replay COMMAND ${name}_replay ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(LAKEFERRY_FUZZ)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE lakeferry_daemon lakeferry_options)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
endforeach()
