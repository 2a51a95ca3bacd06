# sluice_layer(NAME [LIBRARY] SOURCES a.cc b.cc [TESTS a_test.cc] [LINK targets])
#
# A folder is a layer is a target. A LIBRARY layer becomes part of the installed libsluice; the others
# are static libraries of the program. TESTS stand beside the sources and make one program a layer.
set(SLUICE_LIBRARY_OBJECTS "" CACHE INTERNAL "object targets that make up libsluice")

function(sluice_layer name)
  cmake_parse_arguments(ARG "LIBRARY" "" "SOURCES;TESTS;LINK;TEST_LINK" ${ARGN})
  set(target sluice_${name})
  if(ARG_LIBRARY)
    add_library(${target} OBJECT ${ARG_SOURCES})
    set(objects ${SLUICE_LIBRARY_OBJECTS} ${target})
    set(SLUICE_LIBRARY_OBJECTS "${objects}" CACHE INTERNAL "")
    set(test_link sluice)
  else()
    add_library(${target} STATIC ${ARG_SOURCES})
    set(test_link ${target})
  endif()
  target_include_directories(${target} PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>")
  target_link_libraries(${target} PUBLIC ${ARG_LINK})
  if(SLUICE_BUILD_TESTS AND ARG_TESTS)
    sluice_test(${name}_test SOURCES ${ARG_TESTS} LINK ${test_link} ${ARG_TEST_LINK})
  endif()
endfunction()

# sluice_test(NAME SOURCES x_test.cc LINK targets): a GoogleTest program, each of its tests known to ctest.
function(sluice_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120)
endfunction()
