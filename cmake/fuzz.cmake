# SPDX-License-Identifier: Apache-2.0
# One fuzzer a file of fuzz/, linked with clang's libFuzzer: ./dev fuzz
# Other compilers make programs that run over the files of a corpus.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(varo_flags INTERFACE -fsanitize=fuzzer-no-link)
  set(fuzz_main "")
  set(fuzz_link_options -fsanitize=fuzzer)
else()
  set(fuzz_main fuzz/plain/main.cc)
  set(fuzz_link_options "")
endif()

file(GLOB fuzzers CONFIGURE_DEPENDS fuzz/*.cc)
foreach(fuzzer ${fuzzers})
  get_filename_component(name ${fuzzer} NAME_WE)
  add_executable(${name} ${fuzzer} ${fuzz_main})
  target_link_libraries(${name} PRIVATE varo_flags varo_static)
  target_link_options(${name} PRIVATE ${fuzz_link_options})
endforeach()
add_custom_target(fuzzers)
foreach(fuzzer ${fuzzers})
  get_filename_component(name ${fuzzer} NAME_WE)
  add_dependencies(fuzzers ${name})
endforeach()
